"""The first prompt shows what the run's merge gains, and does not pretend that one prompt is all."""
import pytest

from engine import runs
from engine.core.store import Store, write_json, write_records
from engine.core.types import Score
from engine.runs import contents, opening

EXPERTS = ("counting", "places")
TEXTS = {"a": "a brown star", "b": "two fish", "c": "a green heart"}


@pytest.fixture
def run(tmp_path) -> Store:
    store = Store(tmp_path / "run")
    made(store, "merged", dict.fromkeys(EXPERTS, 1.0))
    for name in EXPERTS:
        write_json(store.expert(name) / "recipe.json", {"name": name})
    return store


def made(store, name, weights, method="average", strength=1.0):
    write_json(store.merge(name) / "recipe.json", {
        "name": name, "method": method, "options": {"strength": strength}, "experts": weights})


def scored(store, model, values, split="validation"):
    write_records(store.scores(model, f"{split}/storybook"), [
        Score(key, 7, "storybook", value, {"skill": "s", "text": TEXTS[key], "pooled": ""})
        for key, value in values.items()])


def test_it_is_the_prompt_that_gains_most_with_its_noise_and_guidance(run):
    scored(run, "base@2", {"a": 0.5, "b": 0.25, "c": 0.5})
    scored(run, "merged@2", {"a": 0.75, "b": 1.0, "c": 0.0})
    found = opening.choose(run, EXPERTS)
    assert (found.prompt, found.seed, found.guidance) == ("two fish", 7, 2.0)
    assert "“two fish” stands here first because it shows the largest gain" in found.reason
    mean = "from 25% to 100%. Over all 3 validation prompts the mean difference is +16.7 points"
    assert mean in found.reason
    assert found.reason.endswith(": undecided.")


def test_test_prompts_choose_nothing(run):
    scored(run, "base@2", {"a": 0.0}, split="test")
    scored(run, "merged@2", {"a": 1.0}, split="test")
    assert opening.choose(run, EXPERTS) == opening.Opening()


def test_where_nothing_gains_it_says_so(run):
    scored(run, "base@2", {"a": 0.5, "b": 1.0})
    scored(run, "merged@2", {"a": 0.5, "b": 0.75})
    found = opening.choose(run, EXPERTS)
    assert found.prompt == opening.EXAMPLE
    assert "no validation prompt on which this merge gains" in found.reason
    assert "−12.5 points" in found.reason


@pytest.mark.parametrize("weights, method, strength", [
    ({"counting": 1.0}, "average", 1.0), ({"counting": 1.0, "places": 0.5}, "average", 1.0),
    (dict.fromkeys(EXPERTS, 1.0), "ties", 1.0), (dict.fromkeys(EXPERTS, 1.0), "average", 2.0)])
def test_a_merge_that_the_sliders_do_not_show_is_not_spoken_of(run, weights, method, strength):
    made(run, "merged", weights, method, strength)
    scored(run, "base@2", {"a": 0.0})
    scored(run, "merged@2", {"a": 1.0})
    assert opening.choose(run, EXPERTS) == opening.Opening()


def test_equal_weights_are_the_same_mean(run):
    made(run, "merged", dict.fromkeys(EXPERTS, 0.5))
    scored(run, "base@2", {"a": 0.0})
    scored(run, "merged@2", {"a": 1.0})
    assert opening.choose(run, EXPERTS).prompt == "a brown star"


def test_the_usual_guidance_is_preferred_and_the_base_is_met_at_the_same(run):
    for scale, gain in ((2, 0.9), (3.5, 0.6)):
        scored(run, f"base@{scale}", {"a": 0.0})
        scored(run, f"merged@{scale}", {"a": gain})
    scored(run, "merged@5", {"a": 1.0})
    assert opening.choose(run, EXPERTS).guidance == 3.5


def test_what_the_judge_could_not_read_is_no_gain(run):
    scored(run, "base@2", {"a": None, "b": 0.5})
    scored(run, "merged@2", {"a": 1.0, "b": 0.6})
    assert opening.choose(run, EXPERTS).prompt == "two fish"


def test_the_shipped_example_opens_on_a_change_for_the_better(monkeypatch):
    monkeypatch.delenv("SELMA_EXAMPLE")
    store = runs.open_store(runs.EXAMPLE)
    found = opening.choose(store, contents.summary(store).experts)
    assert found.prompt == "a brown star" and "from 0% to 100%" in found.reason
    assert "mean difference is +5.1 points" in found.reason and found.reason.endswith("undecided.")
