"""Forms start from what a run's stages were started with last."""
import shutil
from dataclasses import asdict

import gradio as gr
import pytest

from app.forms import history
from app.forms.form import form
from app.forms.picker import pick
from engine import runs
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.plugins import Slot
from engine.core.store import write_json, write_text
from engine.evaluate import Config as Scoring
from engine.experts import Config as Experts
from engine.images import Config as Images
from engine.merge import methods
from engine.prompts import Config as Prompts
from tests.app.stage_forms import STAGES, required, through_the_page, without_a_component
from tests.app.studio import answer


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_stages_options_come_back_from_the_form_that_follows_a_run(stage, monkeypatch):
    config = build(stage.Config, required(stage.Config))
    monkeypatch.setattr(history, "last_config", lambda *_: config)
    with gr.Blocks() as demo:
        run = gr.Dropdown(elem_id="run")
        shown = form(stage.Config, "form", leave_out=without_a_component(stage.Config))
        picker = pick("form", Slot("method", methods, "method_options"), "average")
        history.follow(run, "any", stage.Config, shown, picker)
    fill, = (listener for listener in demo.fns.values() if listener.name == "fill")
    updates = answer(fill, {"run": "mine"})
    back = {name: through_the_page(component, updates[f"form-{name}"]["value"])
            for name, component in shown.components.items()}
    assert back and build(stage.Config, asdict(config) | back) == config


@pytest.mark.parametrize("stage, kind", [("prompts", Prompts), ("images", Images), ("experts", Experts)])
def test_a_form_starts_from_what_the_run_asked_for(stage, kind):
    found = history.last_config("example", stage, kind)
    assert isinstance(found, kind) and (stage != "images" or found.steps == 2)
    assert history.last_config("example", "evaluate", Scoring) is None
    assert history.last_config(runs.NEW, stage, kind) is None


def test_the_last_job_says_more_than_the_recipe(runs_folder):
    shutil.copytree(runs.folder("example"), runs_folder / "mine")
    for number, steps in ((9, 7), (10, 8)):
        write_json(runs_folder / "mine" / "jobs" / f"{number:04}-images" / "config.json",
                   {"config": {"skills": ["places"], "steps": steps}})
    assert history.last_config("mine", "images", Images).steps == 8


def test_a_recipe_that_makes_no_sense_is_a_sentence(runs_folder):
    write_text(runs_folder / "mine" / "recipe.toml", "[prompts]\ncuont = 3\n")
    with pytest.raises(EngineError, match="cuont"):
        history.last_config("mine", "prompts", Prompts)


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
