"""What is not asked: pictures that changed, that are damaged, or that nobody can tell apart."""
import shutil

import pytest
from PIL import Image

from engine import runs
from tests.app.visitor import DUEL, cast, distinct_pairs, pair_count


@pytest.fixture(autouse=True)
def at_once(no_patience):
    """Votes count without a look."""


@pytest.fixture
def results(studio):
    """What people prefer so far, as a table."""
    def unfold(run):
        given = {"run": run, "vote-duel": DUEL}
        return studio.press("vote-results", given, "expand")["vote-table"]
    return unfold


def test_a_picture_replaced_under_the_page_is_another_pair(runs_folder, newcomer, results):
    """Its metadata says nothing of it, and the vote must not count for the picture before."""
    shutil.copytree(runs.folder("example"), runs_folder / "one")
    visitor = newcomer(run="one").opens()
    before = visitor.sight
    for file in (runs_folder / "one/scores/merged@2/pictures").glob("*.png"):
        Image.open(file).rotate(180).save(file)
    assert visitor.opens().sight["ballot"] != before["ballot"]
    visitor.votes("left")
    assert "merged@2 over base@3.5" in results("one")


def test_a_damaged_picture_holds_nobody(runs_folder, newcomer):
    shutil.copytree(runs.folder("example"), runs_folder / "one")
    visitor = newcomer(run="one").opens()
    before = pair_count("one")
    in_sight, *_ = distinct_pairs("one")
    for side in (in_sight.first, in_sight.second):
        side.file.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    visitor.opens()
    while "That was the last pair" not in visitor.pair:
        visitor.votes("tie")
    assert len(cast("one")) == before - 1 > 2
    assert "1 of 9 pairs cannot be read" in visitor.note and "png" not in visitor.note


def test_pairs_that_look_alike_are_not_asked_and_the_results_say_so(runs_folder, newcomer, results):
    shutil.copytree(runs.folder("example"), runs_folder / "one")
    folder = runs_folder / "one/scores"
    visitor = newcomer(run="one").opens().votes("left")
    counted, = cast("one")
    for file in (folder / "base@3.5/pictures").glob("*.png"):
        if counted.prompt_id not in file.name:
            shutil.copyfile(file, folder / "merged@2/pictures" / file.name)
    visitor.opens()
    assert "That was the last pair" in visitor.pair and "all 1" in visitor.pair
    said = "8 of 9 pairs look alike: nobody is asked about them, and they count for neither model."
    assert said in visitor.note and said in results("one")
    last = f"pictures/{counted.prompt_id}-0.png"
    shutil.copyfile(folder / "base@3.5" / last, folder / "merged@2" / last)
    assert "Nothing to tell apart" in visitor.opens().pair and "9 of 9" in visitor.pair
