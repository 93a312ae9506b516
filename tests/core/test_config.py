"""Options by name: what is taken, and the sentence for what is not."""
import itertools
import time
import tomllib
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import config
from engine.core.errors import EngineError


@dataclass(frozen=True)
class Config:
    """One field of every kind."""

    model: str
    rank: int = field(default=16, metadata={"range": (1, 128)})
    rate: float = 1e-4
    ends: Literal["cosine", "constant"] = "cosine"
    skills: tuple[str, ...] = ()
    seed: int | None = field(default=None, metadata={"range": (0, 10)})
    weights: dict[str, float] = field(default_factory=dict)
    shards: dict[str, list[int]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    flip: bool = False
    between: tuple[int, int] = (1, 2)


def test_defaults_and_conversions():
    made = config.build(Config, {"model": "toy", "rank": 8.0, "rate": 1, "skills": ["a", "b"], "seed": 3})
    assert made == Config("toy", rank=8, rate=1.0, skills=("a", "b"), seed=3)
    assert config.build(Config, {"model": "toy", "options": {"x": None, "y": [{}]}}).options == {"x": None, "y": [{}]}
    assert isinstance(made.rank, int) and isinstance(made.rate, float)


def test_an_optional_value_with_a_range_may_be_absent():
    assert config.build(Config, {"model": "toy", "seed": None}).seed is None


@pytest.mark.parametrize("values, sentence", [
    ({}, "'model' is missing"),
    ({"model": "toy", "rnak": 4}, "'rnak'.*Choose from model, rank"),
    ({"model": "toy", "rank": 0}, "rank is 0;.*between 1 and 128"),
    ({"model": "toy", "rank": 2.5}, "must be of type int"),
    ({"model": "toy", "rank": True}, "must be of type int"),
    ({"model": "toy", "rate": "fast"}, "must be of type float"),
    ({"model": "toy", "ends": "abruptly"}, "choose one of cosine, constant"),
    ({"model": "toy", "skills": "counting"}, "must be of type list"),
    ({"model": "toy", "seed": 11}, "between 0 and 10"),
    ({"model": "toy", "flip": 1}, "must be of type bool"),
    ({"model": "toy", "between": [1]}, "must hold 2 values"),
    ({"model": "toy", "between": [1, "two"]}, "must be of type int"),
    ({"model": "toy", "skills": ["a", 1]}, "must be of type str"),
    ({"model": "toy", "weights": {"a": "1"}}, "weights: a is '1';.*of type float"),
    ({"model": "toy", "shards": {"a": [1, "2"]}}, "shards: a is '2';.*of type int"),
    ({"model": "toy", "shards": {"a": 1}}, "shards: a is 1; it must be of type list"),
    ({"model": 7}, "of type str. Give a text, in quotes"),
    ({"model": "toy", "rate": float("nan")}, "rate is nan; it must be a finite number"),
    ({"model": "toy", "weights": {"a": float("inf")}}, "weights: a is inf; it must be a finite"),
    ({"model": "toy", "rank": 10**30}, "more than 64 bits"),
    ({"model": "\ud800"}, "half a character"),
    ({"model": ["x" * 10_000]}, "must be of type str"),
])
def test_a_wrong_value_gets_a_sentence(values, sentence):
    with pytest.raises(EngineError, match="lora: .*") as caught:
        config.build(Config, values, where="lora")
    caught.match(sentence)


NAMES = st.sampled_from(["model", "rank", "rate", "ends", "skills", "seed", "weights", "flip", "between", "x"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(NAMES, VALUES))
def test_any_value_is_taken_or_refused_but_never_crashes(values):
    try:
        made = config.build(Config, values)
    except EngineError:
        return
    assert 1 <= made.rank <= 128 and made.ends in ("cosine", "constant")


def test_a_busy_machine_fails_no_generated_test(monkeypatch):
    """Hypothesis reads the clock around every draw; the first text takes seconds under load."""
    clock = itertools.count(0, 60)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    seen = []

    @given(st.dictionaries(NAMES, st.text()))
    def generated(values):
        seen.append(values)
    generated()
    assert len(seen) >= 50


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(EngineError, match="Name a TOML file"):
        config.read_toml(tmp_path)


def test_errors_quote_no_more_than_a_line():
    with pytest.raises(EngineError) as caught:
        config.build(Config, {"model": ["x" * 10_000]}, where="lora")
    assert len(str(caught.value)) < 300


def test_a_byte_order_mark_is_no_error(tmp_path):
    (tmp_path / "recipe.toml").write_bytes(b"\xef\xbb\xbfrank = 4\n")
    assert config.read_toml(tmp_path / "recipe.toml") == {"rank": 4}


@pytest.mark.parametrize("text, sentence", [
    ("a = " + "[" * 2000 + "]" * 2000, "nested too deep"),
    ("a = " + "[" * 150 + "]" * 150, "nested too deep"),
    ("a = " + "9" * 9000, "not valid TOML.*Correct that line")])
def test_toml_that_nothing_could_follow_is_a_sentence(tmp_path, text, sentence):
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(EngineError, match=sentence):
        config.read_toml(tmp_path / "recipe.toml")


def test_a_recipe_reads_and_a_malformed_one_says_where(tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("rank = 4\n")
    assert config.read_toml(recipe) == {"rank": 4}
    recipe.write_text("rank = 4\nrate = = 3\n")
    with pytest.raises(EngineError, match="line 2"):
        config.read_toml(recipe)
    recipe.write_bytes(b"\xff\xfe")
    with pytest.raises(EngineError, match="damaged.*UTF-8.*saved as UTF-8"):
        config.read_toml(recipe)
    with pytest.raises(EngineError, match="no file"):
        config.read_toml(tmp_path / "missing.toml")


values = st.recursive(
    st.one_of(st.integers(-2**60, 2**60), st.booleans(), st.floats(allow_nan=False, allow_infinity=False),
              st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f")), st.lists(st.integers())),
    lambda inner: st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="\x7f")), inner),
    max_leaves=8)


@given(st.dictionaries(st.sampled_from("abcde"), values))
def test_a_written_recipe_reads_the_same(table):
    assert tomllib.loads(config.to_toml(table)) == table
