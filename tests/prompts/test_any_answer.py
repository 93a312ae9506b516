"""Answers that nobody thought of: no thought ever comes out of one, and none takes long."""
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prompts.answers import lines_of, without_thoughts


@pytest.mark.parametrize(
    "answer",
    [
        "[" * 50_000,
        '["' * 30_000,
        '{"a":' * 20_000,
        '["a", ' * 20_000,
        '["a"] ' * 20_000,
        "1. " * 30_000,
        "- a\n" * 20_000,
        "<think>" * 10_000,
        "< " * 30_000,
        "\\" * 60_000,
        '["' + "\\" * 60_000,
        "[\n" * 30_000,
        " " * 60_000,
        "\n" * 60_000,
        "**" * 30_000,
        "```" * 20_000,
        "#" * 60_000,
        "[/*" * 20_000,
        '["a"' + "\n" * 60_000,
        "1. **" * 10_000,
        '["' + " " * 60_000,
        '[""' * 20_000,
    ],
)
def test_no_answer_takes_long(answer):
    started = time.process_time()
    lines_of(answer)
    assert time.process_time() - started < 20


WORD = st.sampled_from(
    ["zz balls", "zz two stars", 'zz "quoted" sea', "zz [odd] moon", "zz {x}", "zz it's 3"]
)
THOUGHT = st.one_of(
    WORD,
    WORD.map("1. {}".format),
    WORD.map("- {}".format),
    st.lists(WORD, max_size=3).map(json.dumps),
    WORD.map(lambda text: json.dumps({"prompt": text})),
    st.sampled_from(["```json", "```", "["]),
)
TAGS = st.sampled_from(
    [
        ("<think>", "</think>"),
        ("[THINK]", "[/THINK]"),
        ("<|think|>", "<|/think|>"),
        ("", "</think>"),
        ("<thinking mode='deep'>", "</thinking>"),
        ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
        ("<|channel|>analysis<|message|>", "<|end|><|channel|>final<|message|>"),
    ]
)
SHAPES = st.sampled_from(
    [
        json.dumps,
        lambda lines: json.dumps(lines)[:-1],
        lambda lines: json.dumps({"prompts": lines}, indent=2),
        lambda lines: json.dumps([{"prompt": line, "rationale": "why"} for line in lines]),
        lambda lines: "\n".join(json.dumps({"text": line}) for line in lines),
        lambda lines: "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)),
        lambda lines: "Sure!\n```json\n" + json.dumps(lines) + "\n```\nLet me know.",
    ]
)
LINES = st.lists(
    st.sampled_from(["a red ball", "two blue stars", "the boy's 3 boats", "a sign: open"]),
    min_size=1,
    max_size=4,
)


@given(st.lists(THOUGHT, max_size=6), TAGS, LINES, SHAPES)
def test_no_line_of_a_thought_ever_comes_out(thought, tags, lines, shape):
    opened, closed = tags
    answer = opened + "\n".join(thought) + closed + "\n" + shape(lines)
    assert lines_of(answer) == lines
    if opened:
        assert lines_of(opened + "\n".join(thought)) == [], "cut before the thought's end"
        assert "zz" not in without_thoughts(f"{answer}\n{opened}" + "\n".join(thought))
        assert lines_of(f"{answer}\n{opened}" + "\n".join(thought)) == lines


@given(st.text(alphabet="[]{}\"':,\\\n 1.-*ab<think/>", max_size=60))
def test_any_answer_gives_lines_or_none(answer):
    assert all(line.strip() for line in lines_of(answer))
