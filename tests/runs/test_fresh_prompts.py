"""Prompts to look at that no expert has learned from."""

import pytest

from engine import runs, worlds
from engine.core.store import write_records, write_text
from engine.core.types import Prompt
from engine.runs import fresh_prompts

CAPTION = "a dog on a skateboard in the rain"


@pytest.fixture
def photographs(runs_folder):
    """A run on a base of the Hub, with a prompt of its own."""
    write_text(runs_folder / "mine" / "recipe.toml", 'model = "someone/sdxl"\n')
    run = runs.open_store("mine")
    write_records(run.prompts("captions"), [Prompt("captions-1", "captions", CAPTION)])
    return run


def test_it_is_one_of_the_worlds_and_another_than_before(example):
    for prompt in ("", "a ball"):
        picked = fresh_prompts.pick(example, besides=prompt)
        assert picked in worlds.usual().evaluation_texts()
        assert picked != prompt


def test_it_is_one_of_the_runs_own_where_the_world_has_none(photographs):
    assert fresh_prompts.pick(photographs, besides="something") == CAPTION


def test_where_there_is_no_other_it_stays(photographs):
    assert fresh_prompts.pick(photographs, besides=CAPTION) == CAPTION
