"""What the form of the prompts says by itself, and refuses before anything is asked."""
import gradio as gr
import pytest


def test_the_language_follows_the_writer_that_is_picked(handler):
    picked = handler("language_of")
    writers = ("storybook", "openai_compatible", "transformers_local")
    assert [picked(writer) for writer in writers] == ["storybook", "free", "free"]


@pytest.mark.parametrize(("language", "held_to"), [(None, "free"), ("storybook", "storybook")])
def test_a_language_that_is_not_chosen_is_the_writers(handler, started, language, held_to):
    values = {"writer": "openai_compatible", "writer:openai_compatible:model": "tiny"}
    handler("write")(run="mine", wanted=["counting"], language=language, **values)
    ((_, options, _),) = started
    assert options["language"] == held_to


def test_a_server_is_not_asked_without_a_models_name(handler, started, runs_folder):
    values = {"writer": "openai_compatible", "writer:openai_compatible:model": ""}
    with pytest.raises(gr.Error, match="needs the name of a model on http://localhost:8000/v1"):
        handler("write")(run="mine", wanted=["counting"], **values)
    assert not started and not (runs_folder / "mine").exists()
