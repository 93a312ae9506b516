"""One of a family of plugins: its options come back, and Undo gives back what there was."""
from dataclasses import fields

import gradio as gr
import pytest

from app import shell
from app.forms.picker import first_sentence, pick
from engine import judges, merge, prompts
from engine.core import plugins
from engine.core.plugins import PluginChoice, Slot
from engine.merge import methods
from engine.prompts import writers
from tests.app.stage_forms import FAMILIES, PLUGINS, through_the_page
from tests.app.studio import answer
from tests.plugin_files import write


def picker_of(kind, name):
    with gr.Blocks():
        return pick("stage", Slot(kind, FAMILIES[kind], "options"), name)


@pytest.mark.parametrize("kind, name", PLUGINS)
def test_a_plugins_options_come_back_from_its_choice(kind, name):
    plugin = plugins.load(FAMILIES[kind], name)
    config, picker = plugin.Config(), picker_of(kind, name)
    values = {}
    for component, update in picker.select(PluginChoice(FAMILIES[kind], name, vars(config))).items():
        if component in picker.inputs:
            values[component] = through_the_page(component, update["value"])
    chosen = picker.read(values)
    hidden = {f.name: getattr(config, f.name) for f in fields(plugin.Config) if not f.metadata.get("in_form", True)}
    assert PluginChoice(FAMILIES[kind], name, chosen.options | hidden).config() == config
    assert picker.config(values) == {kind: name, "options": chosen.options}


@pytest.mark.parametrize("kind, name", PLUGINS)
def test_what_undo_puts_back_is_what_the_page_had(kind, name):
    picker = picker_of(kind, name)
    had = {component: through_the_page(component, component.value) for component in picker.inputs}
    restored = picker.restore(had)
    again = {component: through_the_page(component, restored[component]) for component in picker.inputs}
    assert again == had and restored[picker.groups[name]]["visible"]


def test_the_form_of_the_chosen_plugin_alone_is_in_sight():
    with gr.Blocks() as demo:
        picker = pick("merge", plugins.slot(merge.Config, "method"), "average")
    listener, = demo.fns.values()
    shown = answer(listener, {"merge-method": "ties"})
    visible = {name for name, group in picker.groups.items() if shown[str(group._id)]["visible"]}
    assert visible == {"ties"} and len(shown) == len(plugins.names(methods))


def test_a_plugin_that_is_not_offered_changes_nothing():
    picker = picker_of("judge", "storybook")
    nobody, gone = (PluginChoice(FAMILIES["judge"], name, {"a": 1}) for name in ("", "gone since"))
    assert picker.select(nobody) == picker.select(gone) == {}


@pytest.mark.parametrize("source", ["def judge(:", "import no_such_library", "a = 1"])
def test_a_file_that_does_not_load_is_not_offered_and_the_page_stands(source, tmp_path, monkeypatch, caplog):
    write(judges, "reddish2", source, tmp_path, monkeypatch)
    forms = picker_of("judge", "storybook").forms
    assert "storybook" in forms and "reddish2" not in forms
    assert "reddish2.py does not load" in caplog.text
    assert shell.build().fns


def test_the_options_of_every_writer_are_in_the_form_but_where_a_key_is_sent():
    with gr.Blocks():
        picker = pick("prompts", plugins.slot(prompts.Config, "writer"), "storybook")
    wanted = {f"prompts-writer-{name}-{field.name}" for name in plugins.names(writers)
              for field in fields(plugins.load(writers, name).Config)}
    hidden = {"prompts-writer-openai_compatible-base_url", "prompts-writer-openai_compatible-api_key_variable"}
    assert {component.elem_id for component in picker.inputs} == (wanted | {"prompts-writer"}) - hidden


@pytest.mark.parametrize("doc, sentence", [
    ("One [a](https://a).\n\nTwo [b](https://b).", "One [a](https://a)."),
    ("One\nline.\n\nTwo.\nSee [b](https://b).\n[c](https://c)", "One line. See [b](https://b)."), ("One.", "One.")])
def test_help_is_the_first_paragraph_with_a_link(doc, sentence):
    plugin = type(methods)("made_up", doc)
    assert first_sentence(plugin) == sentence
