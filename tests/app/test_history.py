"""Forms start from what a run's stages were started with last."""
from dataclasses import asdict

import gradio as gr
import pytest

from app.forms import history
from app.forms.form import form
from app.forms.picker import Field, pick
from engine import runs
from engine.core.config import build
from engine.merge import methods
from engine.runs import settings
from tests.app.stage_forms import STAGES, required, through_the_page, without_a_component
from tests.app.studio import answer


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_stages_options_come_back_from_the_form_that_follows_a_run(stage, monkeypatch):
    config = build(stage.Config, required(stage.Config))
    monkeypatch.setattr(settings, "last_config", lambda *_: config)
    with gr.Blocks() as demo:
        run = gr.Dropdown(elem_id="run")
        shown = form(stage.Config, "form", leave_out=without_a_component(stage.Config))
        picker = pick("form", Field("method", "method_options"), methods, "average")
        history.follow(run, "any", stage.Config, shown, picker)
    fill, = (listener for listener in demo.fns.values() if listener.name == "fill")
    updates = answer(fill, {"run": "mine"})
    back = {name: through_the_page(component, updates[f"form-{name}"]["value"])
            for name, component in shown.components.items()}
    assert back and build(stage.Config, asdict(config) | back) == config


@pytest.mark.parametrize("run, steps", [("example", 2), (runs.NEW, 20)])
def test_every_field_of_a_form_is_filled(studio, run, steps):
    """From the recipe where there is one, from the defaults where there is none."""
    fills = [listener for listener in studio.listeners("run", "change") if listener.name == "fill"]
    assert len(fills) == 4
    filled, unfilled = {}, set()
    for listener in fills:
        filled |= answer(listener, {"run": run})
        unfilled |= {block.elem_id for block in listener.outputs if block.elem_id}
    unfilled -= filled.keys()
    assert {name for name in unfilled if name.count("-") == 1} <= {"images-judge"}, "nobody judges by default"
    assert filled["images-steps"]["value"] == steps and "evaluate-split" in filled
