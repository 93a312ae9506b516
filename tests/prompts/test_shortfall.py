"""A writer that brings nothing to keep is stopped after three rounds, and the reader is told why
and what helps.
"""
import json
from dataclasses import replace

import pytest

from engine import prompts, recipes
from engine.core.errors import EngineError
from engine.core.stopping import guarded
from engine.core.store import read_json, read_records
from engine.core.types import Prompt, RejectedPrompt
from engine.prompts import Config, writers
from engine.prompts.collection import recipe_path
from engine.runs import resume
from tests.chat_server import answer, serving
from tests.plugin_files import install

PLAIN = '''
"""Writes what it is told to, round after round. [Test](https://example.org)"""
from dataclasses import dataclass
from engine.prompts.writers import NoAnswer

calls, rounds = [], []

@dataclass(frozen=True)
class Config:
    mood: str = ""

def writer(config):
    def write(request):
        calls.append(request)
        lines = rounds.pop(0) if rounds else ["a photograph of three dogs"] * request.count
        if isinstance(lines, str):
            raise NoAnswer(lines, "Sure!")
        return lines[:request.count]
    return write
'''
KEPT = (
    "four orange boats at the beach",
    "five purple boats at the beach",
    "three brown stars and two boats",
)
CONFIG = Config(("counting",), "plain", count=60)


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """The module of the test writer `plain`; `rounds` holds what it brings, `calls` what it was
    asked.
    """
    return install(writers, "plain", PLAIN, tmp_path, monkeypatch)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serving() as server:
        yield server


def of_server(server, **options):
    return Config(
        ("counting",),
        "openai_compatible",
        {"base_url": server.url, "model": "tiny"} | options,
        count=60,
    )


def refused(store):
    return read_records(store.rejections("counting"), RejectedPrompt)


def test_three_rounds_with_nothing_kept_are_the_last_and_name_reason_example_and_remedy(
    plain, store
):
    *_, last = guarded(prompts.run(CONFIG, store))
    assert last.kind == "error" and len(plain.calls) == 3 and len(refused(store)) == 60
    for part in (
        "counting: nothing to keep in 3 rounds",
        "Most often: unreadable: ",
        "(60 of 60)",
        "\u201ca photograph of three dogs\u201d",
        'Set language = "free"',
        "set replace = true",
    ):
        assert part in last.text


def test_another_try_asks_only_when_something_has_changed(plain, store):
    for asked in (3, 3):
        with pytest.raises(EngineError, match='Set language = "free"'):
            list(prompts.run(CONFIG, store))
        assert len(plain.calls) == asked
    with pytest.raises(EngineError, match="nothing to keep"):
        list(prompts.run(replace(CONFIG, count=500, max_rounds=1000), store))
    assert len(plain.calls) == 3
    with pytest.raises(EngineError, match="nothing to keep"):
        list(prompts.run(replace(CONFIG, replace=True), store))
    assert len(plain.calls) == 6
    plain.rounds[:] = [[f"three {name} dogs {name} away" for name in "abcdefghijklmnopqrst"]] * 3
    *_, last = prompts.run(replace(CONFIG, language="free", count=12), store)
    assert last.kind == "done" and len(read_records(store.prompts("counting"), Prompt)) == 12


def test_few_lines_at_once_have_more_rounds(plain, store):
    with pytest.raises(EngineError, match="in 30 rounds"):
        list(prompts.run(replace(CONFIG, lines_per_request=1), store))


def test_one_line_kept_is_enough_to_go_on(plain, store):
    plain.rounds[:] = [[KEPT[0]]]
    *_, told, last = prompts.run(replace(CONFIG, max_rounds=9), store)
    assert len(plain.calls) == 9 and last.kind == "done"
    assert "only 1 of 60 prompts after 9 rounds. Most refused lines: unreadable (160)" in told.text
    assert "Raise max_rounds" in told.text


def test_rounds_that_ran_out_with_nothing_kept_are_an_error_too(plain, store):
    with pytest.raises(EngineError, match="nothing .*2 rounds.*Set language"):
        list(prompts.run(replace(CONFIG, max_rounds=2), store))
    with pytest.raises(EngineError, match="nothing to keep in 3 rounds"):
        list(prompts.run(CONFIG, store))
    assert len(plain.calls) == 3


@pytest.mark.parametrize("brought", ["no list in the answer: nothing", []])
def test_three_answers_in_a_row_without_lines_stop_a_writer_that_has_written(plain, store, brought):
    plain.rounds[:] = [[KEPT[0]], brought, brought, [KEPT[1]], brought, brought, brought]
    with pytest.raises(
        EngineError, match="2 of 60 .*last 3 answers.*start again"
    ):
        list(prompts.run(CONFIG, store))
    assert len(plain.calls) == 7 and len(read_records(store.prompts("counting"), Prompt)) == 2
    plain.rounds[:] = [[KEPT[2]]]
    list(prompts.run(replace(CONFIG, count=3), store))
    assert len(plain.calls) == 8


def test_answers_that_come_to_nothing_are_told_like_refused_lines(plain, store):
    plain.rounds[:] = [
        [KEPT[0]],
        "no list in the answer: nothing",
        "cut at max_tokens: its thoughts",
    ]
    *rounds, told, last = prompts.run(replace(CONFIG, max_rounds=3), store)
    assert [(line.reason, line.text) for line in refused(store)] == [
        ("no list in the answer: nothing", "Sure!"),
        ("cut at max_tokens: its thoughts", "Sure!"),
    ]
    assert [event.data["counts"].get("no list in the answer") for event in rounds] == [None, 1, 1]
    assert (
        "Choose a model that follows instructions better" in told.text
        and "Raise max_rounds" not in told.text
    )


# a real server


def test_null_content_by_length_costs_three_requests_and_names_max_tokens(server, store):
    server.answers = answer(None, finish_reason="length", reasoning_content="Hm, what is a ball?")
    with pytest.raises(
        EngineError,
        match="thoughts took .*Raise max_tokens.*3072",
    ):
        list(prompts.run(of_server(server), store))
    assert len(server.seen) == 3
    with pytest.raises(EngineError, match="Raise max_tokens"):
        list(prompts.run(of_server(server), store))
    assert len(server.seen) == 3
    server.answers = answer(
        json.dumps([f"three {name} dogs {name}" for name in "abcdefghijklmnopqrst"])
    )
    list(prompts.run(replace(of_server(server, max_tokens=9000), count=5), store))
    assert len(read_records(store.prompts("counting"), Prompt)) == 5 and len(server.seen) == 4


def test_a_thinking_models_parts_become_prompts_and_its_thoughts_do_not(server, store):
    server.answers = answer(
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": '["three drafts here"]'}]},
            {
                "type": "text",
                "text": '[{"prompt": "three old dogs", "rationale": "Dogs count."},'
                ' {"prompt": "two cats asleep", "rationale": "So do cats."}]',
            },
        ]
    )
    list(prompts.run(replace(of_server(server), count=2), store))
    assert [p.text for p in read_records(store.prompts("counting"), Prompt)] == [
        "three old dogs",
        "two cats asleep",
    ]
    assert (
        refused(store) == []
        and read_json(recipe_path(store, "counting"))["recipe"]["language"] == "free"
    )


def test_what_a_server_does_not_take_is_told_once(server, store):
    def strict(body):
        if "seed" in body:
            return (
                400,
                {},
                b'{"error": {"param": "seed", "code": "unknown_parameter"}}',
            )
        return json.dumps([f"{len(server.seen)} dogs and {len(server.seen) + 1} cats there"])

    server.answers = strict
    events = list(prompts.run(replace(of_server(server), count=3), store))
    told = [event.text for event in events if "takes no seed" in event.text]
    assert told == [f"counting: {server.url} takes no seed; it is asked without from here on."]
    assert events[-1].kind == "done"


def test_a_run_that_kept_nothing_takes_the_remedy_in_its_recipe(plain, store, tmp_path):
    """The same folder, the same recipe with another language."""
    path = tmp_path / "mine.toml"
    path.write_text('skills = ["counting"]\n[prompts]\nwriter = "plain"\ncount = 5\n')
    resume.begin(recipes.load(path), store.folder)
    with pytest.raises(EngineError, match="nothing to keep"):
        list(prompts.run(recipes.load(path).prompts, store))
    path.write_text(path.read_text() + 'language = "free"\n')
    resume.begin(recipes.load(path), store.folder)
    plain.rounds[:] = [[f"three {name} dogs {name} away" for name in "abcde"]]
    list(prompts.run(recipes.load(path).prompts, store))
    path.write_text(path.read_text().replace('"free"', '"storybook"'))
    with pytest.raises(EngineError, match="prompts.language free -> storybook"):
        resume.begin(recipes.load(path), store.folder)
