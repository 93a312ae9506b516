"""What the forms hand to the page comes back as the same Config, through Gradio's own conversions."""
import json
from dataclasses import asdict, fields
from types import ModuleType
from typing import Any

import gradio as gr
import pytest

from app import page, run_bar
from app.forms import history
from app.forms.form import check, form
from app.forms.picker import choose
from app.tabs.merge import grid_pane
from engine import evaluate, experts, images, judges, merge, prompts, recipes
from engine.core import plugins
from engine.core.config import build
from engine.core.errors import EngineError
from engine.experts import objectives
from engine.merge import methods
from engine.prompts import writers
from engine.studies import leave_one_out, search

STAGES: list[ModuleType] = [prompts, images, experts, merge, evaluate, search, leave_one_out]
FAMILIES: dict[str, ModuleType] = {"writer": writers, "judge": judges, "objective": objectives, "method": methods}
PLUGINS = [(kind, name) for kind, family in FAMILIES.items() for name in plugins.names(family)]


def without_a_component(config: type) -> list[str]:
    """Fields no form shows, by what `form` says of them."""
    left_out: list[str] = []
    while True:
        try:
            form(config, leave_out=left_out)
            return left_out
        except TypeError as error:
            left_out.append(str(error).partition(":")[0])


def through_the_page(component: Any, update: dict[str, Any]) -> Any:
    """A listener's update as the browser holds it and posts it back."""
    sent = json.loads(json.dumps(component.postprocess(update["value"])))
    return component.preprocess(sent)


def required(config: type) -> dict[str, Any]:
    made = {"skills": ("counting",), "experts": {"a": ["counting"]}, "models": {"base": {}}}
    wants_weights = config in (merge.Config, leave_one_out.Config)
    return {f.name: {"a": 1.0, "b": 0.5} if f.name == "experts" and wants_weights else
            ("a", "b") if f.name == "experts" and config is search.Config else made[f.name]
            for f in fields(config) if f.name in made and f.name not in history.defaults(config)}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_stages_options_come_back_from_the_form_that_follows_a_run(stage, monkeypatch):
    config = build(stage.Config, required(stage.Config))
    monkeypatch.setattr(history, "of_run", lambda *_: config)
    with gr.Blocks() as demo:
        run = gr.Dropdown()
        shown = form(stage.Config, leave_out=without_a_component(stage.Config))
        choice = choose("method", "method_options", methods, "average")
        history.follow(run, "any", stage.Config, shown, choice)
    fill, = (listener.fn for listener in demo.fns.values() if listener.targets[0][0] == run._id)
    updates = dict(zip(shown, fill("mine"), strict=False))
    back = {name: through_the_page(shown[name], updates[name]) for name in shown}
    assert shown and build(stage.Config, asdict(config) | back) == config


@pytest.mark.parametrize("kind, name", PLUGINS)
def test_a_plugins_options_come_back_from_its_choice(kind, name):
    plugin = plugins.load(FAMILIES[kind], name)
    config = plugin.Config()
    with gr.Blocks():
        choice = choose(kind, "options", FAMILIES[kind], name)
    updates = dict(zip(choice.inputs, choice.set(name, vars(config)), strict=False))
    values = {key: through_the_page(component, updates[key]) for key, component in choice.inputs.items()
              if key == kind or key.startswith(f"{kind}:{name}:")}
    chosen, own = choice.read(values)
    hidden = {f.name: getattr(config, f.name) for f in fields(plugin.Config) if not f.metadata.get("in_form", True)}
    assert chosen == name and build(plugin.Config, own | hidden) == config


@pytest.mark.parametrize("kind, name", PLUGINS)
def test_what_undo_puts_back_is_what_the_page_had(kind, name):
    with gr.Blocks():
        choice = choose(kind, "options", FAMILIES[kind], name)
    had = [component.preprocess(json.loads(json.dumps(component.postprocess(component.value))))
           for component in choice.inputs.values()]
    restored = choice.back(had)[:len(had)]
    again = [through_the_page(component, {"value": value})
             for component, value in zip(choice.inputs.values(), restored, strict=True)]
    assert again == had


@pytest.mark.parametrize("stage, changes, words", [
    (experts, {"steps": 1_000_000}, "steps is 1,000,000, and the app starts 50,000 at most"),
    (experts, {"steps": 5_000, "snapshot_every": 1}, "snapshot_every is 1, which comes 5,000 times in 5,000 steps"),
    (prompts, {"count": 100_000}, "count is 100,000"), (images, {"pictures_per_prompt": 100}, "16 at most"),
    (evaluate, {"prompts_per_skill": 10_000}, "2,000 at most"), (search, {"generations": 1000}, "200 at most")])
def test_the_app_starts_nothing_boundless_and_recipes_may(stage, changes, words, started, runs_folder):
    options = required(stage.Config) | changes
    assert build(stage.Config, options), "a recipe may say so"
    with pytest.raises(EngineError, match=words):
        page.start(stage.__name__.rpartition(".")[2], "example", stage.Config, lambda _: None, **options)
    assert not started and not runs_folder.exists()


@pytest.mark.parametrize("recipe", sorted(run_bar.recipes_folder().glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_that_ships_may_be_started_from_its_forms_too(recipe):
    asked_for = recipes.load(recipe)
    for config in (asked_for.prompts, asked_for.images, asked_for.experts, asked_for.validation, asked_for.test):
        if config:
            check(config)


@pytest.mark.parametrize("text", ["a, b", "nan, 1", "1, inf", "1e999"])
def test_what_is_no_number_is_no_value_of_a_grid(text):
    with pytest.raises(EngineError, match="are no numbers. Write them with commas between"):
        grid_pane.numbers(text)


def test_the_form_says_which_server_is_asked(monkeypatch):
    from app.tabs.prompts import server_asked
    assert server_asked("example", "storybook")["visible"] is False
    monkeypatch.setenv("SELMA_LLM_URL", "https://me:secret@llm.lan:8000/v1")
    shown = server_asked("example", "openai_compatible")
    assert shown["visible"] and "the server at https://llm.lan:8000/v1." in shown["value"]
    asked_before = prompts.Config(skills=("places",), writer="openai_compatible",
                                  writer_options={"base_url": "http://recipe.lan/v1"})
    monkeypatch.setattr(history, "of_run", lambda *_: asked_before)
    assert "http://recipe.lan/v1" in server_asked("mine", "openai_compatible")["value"]
    monkeypatch.setenv("SPACE_ID", "somebody/selma")
    assert server_asked("mine", "openai_compatible")["visible"] is False, "strangers need not know"
