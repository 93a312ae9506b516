"""How the experts of a run get on with each other."""

import os

import pytest

from engine.core.errors import EngineError
from engine.core.store import Store
from engine.models.lora.cards import FILE_NAME
from engine.runs import interference
from tests.app.example_run import SKILLS


def test_all_experts_of_the_run_are_in_the_report(run):
    report = interference.report(run)
    assert report.experts == list(SKILLS)
    assert [block.name for block in report.blocks][0] == "all"


def test_a_report_is_made_once_and_again_when_an_expert_changes(run):
    first = interference.report(run)
    assert interference.report(run) is first
    os.utime(run.expert("styles") / FILE_NAME, (1, 1))
    assert interference.report(run) is not first


def test_one_expert_alone_interferes_with_nobody(run, tmp_path):
    alone = Store(tmp_path)
    alone.expert("styles").mkdir(parents=True)
    source = run.expert("styles") / FILE_NAME
    (alone.expert("styles") / FILE_NAME).write_bytes(source.read_bytes())
    assert interference.report(alone) is None


def test_a_damaged_expert_is_a_sentence(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "experts" / name).mkdir(parents=True)
        (tmp_path / "experts" / name / FILE_NAME).write_bytes(b"nothing")
    with pytest.raises(EngineError, match=FILE_NAME):
        interference.report(Store(tmp_path))
