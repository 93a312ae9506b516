"""Every writer keeps the same promises; a new file is tested by being there, once it says below how to try it."""
import dataclasses
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.core import plugins
from engine.core.config import build
from engine.prompts import skills, writers
from engine.prompts.writers import Request
from engine.prompts.writers._instruction import lines_of, messages
from tests.tiny_models import tiny_writer

NAMES = plugins.names(writers)
SKILL = skills.load("counting")
REQUEST = Request(SKILL, SKILL.examples[:3], count=4, seed=5)


class Server(BaseHTTPRequestHandler):
    """Replies with a numbered list that depends on the request's seed."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = json.dumps([f"{asked['seed']} balls", "two stars", "three trees", "four hearts", "one too many"])
        reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                 "id": "", "created": 0, "model": "", "usage": {}}
        content = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny_writer(tmp_path_factory.mktemp("writers") / "tiny", chat=True))


@pytest.fixture
def options(folder, monkeypatch):
    """How to try each writer with nothing but this machine."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield {"storybook": {"model": folder, "max_tokens": 20}, "transformers_local": {"model": folder, "max_tokens": 40},
           "openai_compatible": {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "model": "tiny"}}
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", NAMES)
def test_contract(name, options):
    plugin = plugins.load(writers, name)
    assert plugin.__doc__ and "](http" in plugin.__doc__, "cite where it comes from"
    for field in dataclasses.fields(plugin.Config):
        assert field.metadata.get("help"), f"say what {field.name} is"
    write = plugin.writer(build(plugin.Config, options[name]))
    lines = write(REQUEST)
    assert len(lines) <= REQUEST.count and all(isinstance(line, str) for line in lines)
    assert write(REQUEST) == lines
    assert write(dataclasses.replace(REQUEST, seed=6)) != lines


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


@pytest.mark.parametrize("answer", [
    '["a ball", "two stars"]', 'Sure!\n```json\n["a ball",\n "two stars"]\n```\nEnjoy!', "1. a ball\n2. two stars",
    "4) a ball\n5) two stars", '- "a ball"\n- "two stars"', '<think>["no"]</think>["a ball", "two stars"',
    '[{"prompt": "a ball"}, {"prompt": "two stars"}]', '["a ball", "two stars", "cut sho',
    "Here you are:\n\na ball\ntwo stars", '{"prompts": ["a ball", "two stars"]}'])
def test_answers_are_read_tolerantly(answer):
    assert lines_of(answer) == ["a ball", "two stars"]


@pytest.mark.parametrize("answer", ["", "[]", "```json\n```", "<think>\n</think>"])
def test_an_answer_without_prompts_has_none(answer):
    assert lines_of(answer) == []
