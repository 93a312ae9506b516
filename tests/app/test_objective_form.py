"""An objective's form has its own options and those of its source; what it is filled with makes a run's options."""
import gradio as gr

from app.forms.picker import choose
from engine.experts import Config, check, objectives
from engine.experts.checks import objective_options


def test_the_form_of_dpo_makes_options_that_the_stage_takes():
    with gr.Blocks():
        objective = choose("objective", "options", objectives, "denoise")
    values = {name: component.value for name, component in objective.inputs.items()}
    assert {"objective:dpo:judge", "objective:dpo:beta", "objective:dpo:least_margin"} <= set(values)
    values |= {"objective": "dpo", "objective:dpo:judge": "storybook", "objective:dpo:beta": 2000}
    name, options = objective.read(values)
    asked = Config(experts={"better": ["places"]}, model="storybook", objective=name, options=options)
    check(asked)
    assert (objective_options(asked).beta, objective_options(asked).judge) == (2000.0, "storybook")
