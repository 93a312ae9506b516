"""Every writer keeps the same promises; a new file is tested by being there, once it says below how to try it."""
import dataclasses
import json

import pytest

from engine.core import plugins
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.models.llm import Reply
from engine.prompts import Config, check, run, skills, writers
from engine.prompts.instructions import lines_in, messages
from engine.prompts.writers import NoAnswer, Request
from tests.chat_server import serving
from tests.tiny_models import tiny_writer

NAMES = plugins.names(writers)
SKILL = skills.load("counting")
REQUEST = Request(SKILL, SKILL.examples[:3], count=4, seed=5)


def numbered(body):
    """A list that depends on the request's seed."""
    rest = ["two stars", "three trees", "four hearts", "one too many"]
    return json.dumps([f"{body['seed']} balls", *rest])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny_writer(tmp_path_factory.mktemp("writers") / "tiny", chat=True))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serving() as server:
        server.answers = numbered
        yield server


@pytest.fixture
def options(folder, server):
    """How to try each writer with nothing but this machine."""
    return {"storybook": {"model": folder, "max_tokens": 20},
            "transformers_local": {"model": folder, "max_tokens": 40},
            "openai_compatible": {"base_url": server.url, "model": "tiny"}}


def outcome(write, request):
    """The lines, or the reason and the text of an answer without any, as a model of no sense gives.
    """
    try:
        return write(request)
    except NoAnswer as none:
        return [none.reason, none.text]


@pytest.mark.parametrize("name", NAMES)
def test_contract(name, options):
    plugin = plugins.load(writers, name)
    assert plugin.__doc__ and "](http" in plugin.__doc__, "cite where it comes from"
    for field in dataclasses.fields(plugin.Config):
        assert field.metadata.get("help"), f"say what {field.name} is"
    config = build(plugin.Config, options[name])
    assert getattr(plugin, "check", lambda _: None)(config) is None
    assert getattr(plugin, "LANGUAGE", "storybook") in ("storybook", "free")
    write = plugin.writer(config)
    lines = outcome(write, REQUEST)
    assert len(lines) <= REQUEST.count and all(isinstance(line, str) for line in lines)
    assert outcome(write, REQUEST) == lines
    assert outcome(write, dataclasses.replace(REQUEST, seed=6)) != lines


def test_the_storybook_writer_continues_lines_one_each(options):
    plugin = plugins.load(writers, "storybook")
    write = plugin.writer(build(plugin.Config, options["storybook"]))
    lines = write(REQUEST)
    assert len(lines) == 4 and len(set(lines)) == 4 and not any("\n" in line for line in lines)
    other = write(dataclasses.replace(REQUEST, examples=REQUEST.examples[:2]))
    assert other != lines


def test_a_server_is_asked_with_the_seed_and_no_more_is_kept_than_asked(options):
    plugin = plugins.load(writers, "openai_compatible")
    write = plugin.writer(build(plugin.Config, options["openai_compatible"]))
    assert write(REQUEST) == ["5 balls", "two stars", "three trees", "four hearts"]


def test_an_instruct_model_is_told_task_rules_limits_and_examples():
    text = messages(REQUEST)[0]["content"]
    for part in ("4 new ones", SKILL.title, SKILL.instruction, "at most 30 words", "JSON list"):
        assert part in text
    assert f"3. {SKILL.examples[2]}" in text
    limited = dataclasses.replace(REQUEST, skill=dataclasses.replace(SKILL, most_count=3))
    assert "more than 3 of the same thing" in messages(limited)[0]["content"]
    unlimited = dataclasses.replace(REQUEST, skill=dataclasses.replace(SKILL, most_count=0))
    assert "of the same thing" not in messages(unlimited)[0]["content"]


@pytest.mark.parametrize(("reply", "reason", "text"), [
    (Reply("", cut=True, has_thoughts=True), "cut at max_tokens: its thoughts took them all", ""),
    (Reply("<think>Hm,  balls", cut=True), "cut at max_tokens: before a list began",
     "<think>Hm, balls"),
    (Reply(""), "empty answer", ""),
    (Reply(" ", has_thoughts=True), "empty answer: nothing but thoughts", ""),
    (Reply("I cannot do that."), "no list in the answer: neither JSON nor numbered lines",
     "I cannot do that.")])
def test_an_answer_without_a_list_says_why(reply, reason, text):
    with pytest.raises(NoAnswer) as caught:
        lines_in(reply, REQUEST)
    assert (caught.value.reason, caught.value.text) == (reason, text)


def test_a_local_model_s_list_is_read_like_a_server_s(options, monkeypatch):
    def chat(self, conversations, seeds, sampling):
        return [Reply(f"<think>one</think>{numbered({'seed': seed})}") for seed in seeds]

    monkeypatch.setattr("engine.models.causal_lm.CausalLM.chat", chat)
    plugin = plugins.load(writers, "transformers_local")
    write = plugin.writer(build(plugin.Config, options["transformers_local"]))
    assert write(REQUEST) == ["5 balls", "two stars", "three trees", "four hearts"]


@pytest.mark.parametrize(("name", "wrong", "remedy"), [
    ("openai_compatible", {"model": ""}, "name of a model on http://127.*/v1/"),
    ("openai_compatible", {"model": "  "}, "needs the name of a model"),
    ("openai_compatible", {"base_url": "localhost:8000"}, "no server's address"),
    ("transformers_local", {"model": ""}, "Name an existing folder"),
    ("storybook", {"model": "/no/such/folder"}, "Name an existing folder")])
def test_what_cannot_work_is_refused_before_anything_is_asked(options, tmp_path, name, wrong,
                                                              remedy):
    config = Config(("counting",), name, options[name] | wrong)
    with pytest.raises(EngineError, match=remedy):
        check(config)
    with pytest.raises(EngineError, match=remedy):
        list(run(config, Store(tmp_path)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("writer", "said", "language"), [
    ("storybook", None, "storybook"), ("openai_compatible", None, "free"),
    ("transformers_local", None, "free"), ("openai_compatible", "storybook", "storybook"),
    ("storybook", "free", "free"), ("nobody", None, "storybook")])
def test_the_language_is_the_writers_where_nobody_says(writer, said, language):
    values = {"skills": ["counting"], "writer": writer} | ({"language": said} if said else {})
    config = build(Config, values)
    assert config.language == language and dataclasses.asdict(config)["language"] == language
