"""An end after any single write, and a disk that is full at any, lose nothing and change nothing of
what comes out.
"""
import errno
import os
from dataclasses import replace

import pytest

from engine import prompts
from engine.core.errors import EngineError
from engine.core.store import Store, read_records, write_records
from engine.core.types import Prompt
from engine.prompts import Config, collection
from tests.full_disk import full_disk

CONFIG = Config(("counting", "unusual"), "grammar", count=13, lines_per_request=10)


class Killed(BaseException):
    """The process ends here."""


def files(store):
    return {path.name: path.read_bytes() for path in (store.folder / "prompts").iterdir()}


def run(config, store):
    *_, last = prompts.run(config, store)
    assert last.kind == "done" and not last.data["short"]


def ends_at(monkeypatch, number, error, after):
    """`os.replace` raises at its `number`-th call, before the file is there or just after."""
    replaced, calls = os.replace, []

    def ending(source, target):
        calls.append(target)
        if len(calls) == number and not after:
            raise error
        replaced(source, target)
        if len(calls) == number:
            raise error

    monkeypatch.setattr(os, "replace", ending)
    return calls


@pytest.fixture
def whole(grammar, tmp_path, monkeypatch):
    """The files of a run that nothing ended, and how many writes they took."""
    store = Store(tmp_path / "whole")
    with monkeypatch.context() as patch:
        calls = ends_at(patch, 0, Killed(), after=False)
        run(CONFIG, store)
    return files(store), len(calls)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [Killed(), OSError(errno.ENOSPC, "No space left on device")])
def test_an_end_at_any_write_changes_nothing_of_the_result(
    whole, tmp_path, monkeypatch, error, after
):
    expected, writes = whole
    assert writes >= 14
    for number in range(1, writes + 1):
        store = Store(tmp_path / f"ended-{number}")
        with monkeypatch.context() as patch:
            ends_at(patch, number, error, after)
            with pytest.raises((Killed, EngineError)):
                run(CONFIG, store)
        run(CONFIG, store)
        assert files(store) == expected, f"write {number} of {writes}"


@pytest.mark.parametrize("number", range(1, 8))
def test_an_end_while_others_prompts_are_replaced_leaves_no_mixture(
    grammar, tmp_path, monkeypatch, number
):
    """Whichever settings go on afterwards, the prompts are theirs from first to last."""
    one, other = (
        replace(CONFIG, skills=("counting",)),
        replace(CONFIG, skills=("counting",), seed=1),
    )
    expected = {}
    for config in (one, other):
        run(config, Store(tmp_path / f"seed-{config.seed}"))
        expected[config.seed] = files(Store(tmp_path / f"seed-{config.seed}"))
    for goes_on in (one, other):
        store = Store(tmp_path / f"replaced-{goes_on.seed}")
        run(one, store)
        with monkeypatch.context() as patch:
            ends_at(patch, number, Killed(), after=True)
            with pytest.raises(Killed):
                run(replace(other, replace=True), store)
        try:
            run(goes_on, store)
        except EngineError as error:
            assert "written with other settings" in str(error)
            run(replace(goes_on, replace=True), store)
        assert files(store) == expected[goes_on.seed], f"seed {goes_on.seed}"


def test_an_end_while_a_finished_skill_grows_keeps_what_it_had(grammar, tmp_path, monkeypatch):
    small, store = replace(CONFIG, skills=("counting",), count=5), Store(tmp_path / "grown")
    run(small, store)
    with monkeypatch.context() as patch:
        ends_at(patch, 1, Killed(), after=True)
        with pytest.raises(Killed):
            run(replace(small, count=25), store)
    asked = len(grammar.calls)
    run(small, store)
    assert len(grammar.calls) == asked and len(read_records(store.prompts("counting"), Prompt)) >= 5


@pytest.mark.parametrize("size", [0, 500, 1000, 1500])
def test_a_full_disk_is_a_sentence_and_room_makes_it_whole(whole, tmp_path, size):
    store = Store(tmp_path / "full")
    with full_disk(size), pytest.raises(EngineError, match="Free some space"):
        run(CONFIG, store)
    run(CONFIG, store)
    assert files(store) == whole[0]


def test_lines_are_someones_own_only_where_no_recipe_was_ever_written(grammar, tmp_path):
    store = Store(tmp_path / "own")
    write_records(
        store.prompts("counting"), [Prompt("mine-1", "counting", "a dog on a skateboard")]
    )
    (told,) = prompts.run(replace(CONFIG, skills=("counting",)), store)
    assert "your own for counting, used as they are" in told.text and not grammar.calls
    assert not collection.recipe_path(store, "counting").exists()
