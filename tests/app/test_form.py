"""A Config becomes components and their values become the same Config."""
from dataclasses import dataclass, field
from typing import Literal

import gradio as gr
import pytest
from gradio_client import Client

from app.forms.form import form
from engine.core import config
from engine.experts import Config as Training
from engine.models import encoders
from tests.app.stage_forms import without_a_component
from tests.plugin_files import install


@dataclass(frozen=True)
class Config:
    """One field of every kind a form can show."""

    learning_rate: float = field(default=1e-4, metadata={"help": "AdamW's", "range": (1e-6, 1e-2)})
    density: float = field(default=0.2, metadata={"range": (0.0, 1.0)})
    rank: int = field(default=16, metadata={"range": (1, 128)})
    steps: int = field(default=300, metadata={"range": (1, 100_000)})
    ends: Literal["cosine", "constant"] = "cosine"
    model: str = "storybook"
    flip: bool = False
    targets: tuple[str, ...] = ("to_q", "to_k")
    best_of: int | None = field(default=None, metadata={"range": (1, 16)})


def test_each_field_gets_its_component():
    kinds = {name: type(component) for name, component in form(Config, "form").components.items()}
    assert kinds == {
        "learning_rate": gr.Number, "density": gr.Slider, "rank": gr.Slider, "steps": gr.Number,
        "ends": gr.Dropdown, "model": gr.Textbox, "flip": gr.Checkbox, "targets": gr.Dropdown,
        "best_of": gr.Number}


def test_a_plugin_without_options_is_chosen_from_those_there_are(tmp_path, monkeypatch):
    install(encoders, "quiet", '"""Nothing is read."""', tmp_path, monkeypatch)
    shown = form(Training, "experts", leave_out=without_a_component(Training)).components["encoder"]
    assert isinstance(shown, gr.Dropdown) and shown.value == "native"
    assert [value for _, value in shown.choices] == ["native", "quiet"]


def test_help_and_range_are_shown():
    made = form(Config, "form").components
    assert made["learning_rate"].info == "AdamW's" and made["learning_rate"].label == "Learning rate"
    assert (made["rank"].minimum, made["rank"].maximum, made["rank"].step) == (1, 128, 1)
    assert (made["learning_rate"].minimum, made["learning_rate"].maximum) == (1e-6, 1e-2)
    assert [value for _, value in made["ends"].choices] == ["cosine", "constant"]


def test_the_values_of_an_untouched_form_are_the_defaults():
    values = {name: component.value for name, component in form(Config, "form").components.items()}
    assert config.build(Config, values) == Config()


def test_a_field_without_a_component_is_left_out_by_name():
    @dataclass(frozen=True)
    class Nested:
        options: dict = field(default_factory=dict)
        seed: int = 0

    with pytest.raises(TypeError, match="options"):
        form(Nested, "form")
    assert list(form(Nested, "form", leave_out=["options"]).components) == ["seed"]


def test_every_component_can_be_found_by_its_id():
    assert {component.elem_id for component in form(Config, "train").components.values()} >= {
        "train-rank", "train-learning_rate"}


def test_values_travel_by_name_through_a_real_click():
    with gr.Blocks(analytics_enabled=False) as demo:
        button, answer, shown = gr.Button("Describe"), gr.JSON(), form(Config, "form")

        def describe(values):
            return {answer: config.build(Config, shown.read(values)).__dict__}

        button.click(describe, set(shown.components.values()), [answer], api_name="describe")
    demo.launch(prevent_thread_lock=True, quiet=True)
    try:
        client = Client(demo.local_url, verbose=False)
        given = {name: component.value for name, component in shown.components.items()}
        given |= {"rank": 4, "targets": ["to_v"], "best_of": 2}
        made = client.predict(*given.values(), api_name="/describe")
    finally:
        demo.close()
    assert (made["rank"], made["targets"], made["best_of"], made["model"]) == (4, ["to_v"], 2, "storybook")


def test_only_what_is_named_is_filled():
    shown = form(Config, "form")
    assert shown.fill({"rank": 3, "targets": ("a", "b"), "other": 1}) == {
        shown.components["rank"]: gr.update(value=3), shown.components["targets"]: gr.update(value=["a", "b"])}
