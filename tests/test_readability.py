"""Readable beats short: how much stands in a line and in a statement, and names that say what they hold, over the
engine and over the app.
"""
from pathlib import Path

import pytest

from tests.readability import density, is_puzzle, public_names

ROOT = Path(__file__).parent.parent
MOST_COLUMNS = 100
NAMES_THAT_STAY = {
    "engine/core/errors.py Stopped": "an error, named by what happened",
    "engine/core/events.py done": "stands in events.jsonl",
    "engine/core/evidence.py seen": "stands in a score's evidence",
    "engine/core/types.py seen": "the same, of the score itself",
    "engine/experts/budget.py held": "stands in an event's data",
    "engine/experts/checkpoints.py wanted": "stands in a checkpoint's header",
    "engine/models/conditions.py to": "what torch.Tensor.to does, of several",
    "engine/studies/replicates/packing.py validated": "stands in measured results",
    "engine/studies/replicates/recipe.py without": "stands in the recipes of results",
    "engine/votes/ballots.py left": "a side, beside the right one",
}


@pytest.fixture(scope="module", params=["engine", "app"])
def paths(request) -> list[Path]:
    return sorted((ROOT / request.param).rglob("*.py"))


def test_a_line_is_short(paths):
    long = [f"{path.relative_to(ROOT)}:{number}" for path in paths
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > MOST_COLUMNS]
    assert not long


def test_a_line_and_a_statement_hold_one_idea(paths):
    found = density(paths)
    assert found.nodes_per_line <= 10
    assert found.nodes_per_statement <= 12
    assert found.long_per_1000 <= 4


def test_loops_are_written_out_but_for_the_simple_ones(paths):
    assert density(paths).comprehensions_per_100 <= 4


def test_what_is_counted(tmp_path):
    """Worked by hand; the docstring and the comment have no nodes."""
    module = tmp_path / "module.py"
    module.write_text('"""Not counted."""\nx = 1 + y\nz = [i for i in x]\n# nor this\n\n')
    found = density([module])
    assert (found.code_lines, found.statements, found.comprehensions, found.long_statements) == (2, 2, 1, 0)
    # Module; Assign, Name, Store, BinOp, Constant, Add, Name, Load;
    # Assign, Name, Store, ListComp, Name, Load, comprehension, Name, Store, Name, Load
    assert found.nodes == 1 + 8 + 11


def test_a_name_says_what_it_holds(paths):
    puzzles = {f"{path.relative_to(ROOT)} {name}" for path in paths for name in public_names(path) if is_puzzle(name)}
    assert puzzles - NAMES_THAT_STAY.keys() == set()


@pytest.mark.parametrize("name", ["of", "asked", "OWN", "beat", "Curated", "WorldAsked", "Sifted"])
def test_a_puzzle(name):
    assert is_puzzle(name)


@pytest.mark.parametrize("name", ["is_kept", "left_out", "name_of", "_told", "read", "CuratedFolder", "LEFT_OUT"])
def test_no_puzzle(name):
    assert not is_puzzle(name)


def test_every_public_name_is_looked_at(tmp_path):
    module = tmp_path / "told.py"
    module.write_text("A, B = C = 1, 2\nD: int = 1\nclass E:\n    f: int\n    def g(self): h = 1\ndef i(): pass\n")
    assert list(public_names(module)) == ["told", "A", "B", "C", "D", "E", "f", "g", "i"]
