"""An objective's form has its own options and those of its source; what it is filled with makes a run's options."""
from app.tabs.experts import SEPARATE
from engine.experts import Config, check


def test_the_form_of_dpo_makes_options_that_the_stage_takes(studio, started, monkeypatch):
    monkeypatch.setattr("app.tabs.experts.check", lambda _: None)  # there are no pairs to learn from here
    studio.press("train-experts", {
        "run": "mine", "experts-skills": ["places"], "experts-kind": SEPARATE, "experts-objective": "dpo",
        "experts-objective-dpo-judge": "storybook", "experts-objective-dpo-beta": 2000})
    (_, options, _), = started
    assert {"judge", "beta", "least_margin"} <= options["options"].keys()
    made = Config(experts={"better": ["places"]}, model="storybook", objective="dpo", options=options["options"])
    check(made)
    objective = made.objective_choice.config()
    assert (objective.beta, objective.judge) == (2000.0, "storybook")
