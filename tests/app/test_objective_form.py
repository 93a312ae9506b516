"""An objective's form has its own options and those of its source; what it is filled with makes a run's options."""
import gradio as gr

from app.forms.picker import Field, pick
from engine.experts import Config, check, objectives
from engine.experts.checks import objective_options


def test_the_form_of_dpo_makes_options_that_the_stage_takes():
    with gr.Blocks():
        objective = pick("experts", Field("objective", "options"), objectives, "denoise")
    options = objective.forms["dpo"].components
    assert {"judge", "beta", "least_margin"} <= options.keys()
    values = {component: component.value for component in objective.inputs}
    values |= {objective.choice: "dpo", options["judge"]: "storybook", options["beta"]: 2000}
    config = Config(experts={"better": ["places"]}, model="storybook", **objective.config(values))
    check(config)
    assert (objective_options(config).beta, objective_options(config).judge) == (2000.0, "storybook")
