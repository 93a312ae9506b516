"""Whatever stands in a run's files is shown, or a sentence says what is wrong and what to do."""

import sys
from pathlib import Path

import pytest

from engine import jobs
from engine.core.store import Store
from tests.bad_inputs.mutations import Damage, of_file, of_json, some
from tests.bad_inputs.reading import outcome
from tests.bad_inputs.run_files import KINDS, RUN, Kind, everything

EACH = 14
"""Wrong values of each kind of file; all of them in the slow test."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The run is damaged and mended again, file by file."""
    runs = tmp_path_factory.mktemp("damaged")
    everything(runs / RUN)
    return runs


@pytest.fixture(autouse=True)
def runs_of(folder, monkeypatch):
    monkeypatch.setenv("SELMA_RUNS", str(folder))
    monkeypatch.setenv("SELMA_EXAMPLE", str(folder / "none"))


def damages(kind: Kind, text: str, each: int) -> list[Damage]:
    values = list(of_json(text, kind.by_line))
    return [*of_file(text), *some(values, each, kind.path)]


def faults(folder: Path, kind: Kind, each: int) -> tuple[int, int, list[str]]:
    """How many damages were tried, how many reading refused, and what went wrong."""
    run, path = Store(folder / RUN), folder / RUN / kind.path
    good = path.read_bytes()
    aside = {folder / RUN / other: (folder / RUN / other).read_bytes() for other in kind.others}
    tried = refused = 0
    found = []
    for other in aside:
        other.unlink()
    for damage in damages(kind, good.decode(), each):
        damage.of(path)
        tried += 1
        answers = {
            name: outcome(lambda read=read: read(run)) for name, read in kind.readers.items()
        }
        refused += any(answer == "refused" for answer, _ in answers.values())
        found += [
            f"{kind.path}, {damage.said}, {name}: {said}"
            for name, (answer, said) in answers.items()
            if answer == "fault"
        ]
    Damage("", good).of(path)
    for other, content in aside.items():
        other.write_bytes(content)
    return tried, refused, found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)
def test_a_damaged_file_is_shown_or_told(folder, kind):
    tried, refused, found = faults(folder, kind, EACH)
    assert not found, f"{len(found)} of {tried}:\n" + "\n\n".join(found[:6])
    assert refused or "jobs/" in kind.path, "nobody reads this file: the test shows nothing"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)
def test_a_whole_file_is_taken(folder, kind):
    run = Store(folder / RUN)
    answers = {
        name: outcome(lambda read=read: read(run))
        for name, read in kind.readers.items()
        if name not in ("finished", "merged", "cells", "asked evaluate", "asked experts", "pool")
    }
    assert {answer for answer, _ in answers.values()} <= {"taken"}, answers


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)
def test_every_wrong_value_is_shown_or_told(folder, kind):
    tried, _, found = faults(folder, kind, 10_000)
    assert not found, f"{len(found)} of {tried}:\n" + "\n\n".join(found[:12])


def test_there_are_hundreds_of_them(folder, capsys):
    texts = [(folder / RUN / kind.path).read_text(encoding="utf-8") for kind in KINDS]
    count = sum(len(damages(kind, text, EACH)) for kind, text in zip(KINDS, texts, strict=True))
    with capsys.disabled():
        sys.stdout.write(f"\n{count} damaged files of {len(KINDS)} kinds\n")
    assert count >= 300 and not jobs.running_job()
