"""A form's values become a job, or a sentence says why not and nothing is made."""

import pytest

from app import launch
from engine import experts, images, runs
from engine.core.errors import EngineError

EXPERT = {"experts": {"a": ["counting"]}}


def accept(_: object) -> None:
    """A check that refuses nothing."""


def test_more_than_a_page_starts_is_refused(started, runs_folder):
    with pytest.raises(EngineError, match="steps is 1,000,000"):
        launch.start("experts", "example", experts.Config, accept, **EXPERT, steps=1_000_000)
    assert not started
    assert not runs_folder.exists()


def test_a_new_run_begins_with_prompts(started, runs_folder):
    with pytest.raises(EngineError, match="begins with prompts"):
        launch.start("images", runs.NEW, images.Config, accept, skills=("counting",))
    assert not started
    assert not runs_folder.exists()
