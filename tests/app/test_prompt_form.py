"""What the form of the prompts says by itself, and refuses before anything is asked."""
import pytest

from engine.core.errors import EngineError
from engine.prompts import Config
from engine.runs import settings
from tests.app.studio import answer


def test_the_language_follows_the_writer_that_is_picked(studio):
    listener, = (one for one in studio.listeners("prompts-writer", "input") if one.name == "set_language")

    def language(writer):
        return answer(listener, {"prompts-writer": writer})["prompts-language"]

    writers = ("storybook", "openai_compatible", "transformers_local")
    assert list(map(language, writers)) == ["storybook", "free", "free"]


@pytest.mark.parametrize(("language", "held_to"), [(None, "free"), ("storybook", "storybook")])
def test_a_language_that_is_not_chosen_is_the_writers(studio, started, language, held_to):
    studio.press("write-prompts", {
        "run": "mine", "prompts-skills": ["counting"], "prompts-language": language,
        "prompts-writer": "openai_compatible", "prompts-writer-openai_compatible-model": "tiny"})
    ((_, options, _),) = started
    assert options["language"] == held_to


def test_a_server_is_not_asked_without_a_models_name(studio, started, runs_folder):
    with pytest.raises(EngineError, match="model on http://localhost:8000/v1"):
        studio.press("write-prompts", {
            "run": "mine", "prompts-skills": ["counting"], "prompts-writer": "openai_compatible",
            "prompts-writer-openai_compatible-model": ""})
    assert not started and not (runs_folder / "mine").exists()


def test_the_form_says_which_server_is_asked(studio, monkeypatch):
    def note(run, writer):
        given = {"run": run, "prompts-writer": writer}
        return studio.press("prompts-writer", given, "change")["server-asked"]

    assert note("example", "storybook")["visible"] is False
    monkeypatch.setenv("SELMA_LLM_URL", "https://me:secret@llm.lan:8000/v1")
    shown = note("example", "openai_compatible")
    assert shown["visible"] and "the server at https://llm.lan:8000/v1." in shown["value"]
    before = Config(skills=("places",), writer="openai_compatible",
                    writer_options={"base_url": "http://recipe.lan/v1"})
    monkeypatch.setattr(settings, "last_config", lambda *_: before)
    assert "http://recipe.lan/v1" in note("mine", "openai_compatible")["value"]
    monkeypatch.setenv("SPACE_ID", "somebody/selma")
    assert note("mine", "openai_compatible")["visible"] is False, "strangers need not know"
