"""Readable beats short: how much stands in a line and in a statement, over the engine and over the app."""
from pathlib import Path

import pytest

from tests.readability import density

ROOT = Path(__file__).parent.parent
MOST_COLUMNS = 100


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
