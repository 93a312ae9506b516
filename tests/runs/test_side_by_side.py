"""Pictures of one prompt from the same noise, by the base, the experts and their merge."""

import numpy as np
import pytest

from engine.merge.presets import MEAN
from engine.runs import side_by_side
from engine.runs.preview import Merge, Preview
from engine.runs.side_by_side import Subject
from tests.app.example_run import SKILLS

AVERAGE = Merge.of_weights(MEAN, dict.fromkeys(SKILLS, 1.0))
SUBJECT = Subject(("two red balls", "a blue star"), seed=3, guidance=3.5)


@pytest.fixture(scope="module")
def preview():
    """Warm from its first picture on."""
    return Preview()


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(side_by_side, "STEPS", 2)


def test_the_base_and_the_merge_are_painted_for_every_prompt(preview, run):
    rows = side_by_side.paint(preview, run, SUBJECT, AVERAGE, each_expert=False)
    painters = {prompt: [figure.painter for figure in figures] for prompt, figures in rows.items()}
    assert painters == dict.fromkeys(SUBJECT.prompts, ["base", "merged"])


def test_every_expert_is_painted_alone_between_them(preview, run):
    rows = side_by_side.paint(preview, run, SUBJECT, AVERAGE, each_expert=True)
    for figures in rows.values():
        assert [figure.painter for figure in figures] == ["base", *SKILLS, "merged"]
        base, *others = (np.asarray(figure.image) for figure in figures)
        assert all((image != base).any() for image in others)


def test_the_judge_of_the_runs_world_reads_each_picture(preview, run):
    rows = side_by_side.paint(preview, run, SUBJECT, AVERAGE, each_expert=False)
    for figure in rows["two red balls"]:
        texts = [answer.text for answer in figure.score.answers]
        assert "Are there exactly two balls?" in texts


def test_where_the_world_has_no_judge_nobody_reads(preview, run, monkeypatch):
    monkeypatch.setattr(side_by_side.worlds, "judge_of", lambda world: "")
    rows = side_by_side.paint(preview, run, SUBJECT, AVERAGE, each_expert=False)
    assert [figure.score for figure in rows["a blue star"]] == [None, None]
