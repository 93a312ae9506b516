"""How dense code is: counts over syntax trees, docstrings aside."""
import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
MOST_NODES = 50
"""In a simple statement; beyond that it is a long one."""


@dataclass
class Density:
    """What a folder's modules add up to."""

    nodes: int = 0
    code_lines: int = 0
    statements: int = 0
    simple_statements: int = 0
    long_statements: int = 0
    comprehensions: int = 0

    @property
    def nodes_per_line(self) -> float:
        return self.nodes / self.code_lines

    @property
    def nodes_per_statement(self) -> float:
        return self.nodes / self.statements

    @property
    def comprehensions_per_100(self) -> float:
        return 100 * self.comprehensions / self.statements

    @property
    def long_per_1000(self) -> float:
        return 1000 * self.long_statements / self.simple_statements


def density(paths: Iterable[Path]) -> Density:
    total = Density()
    for path in paths:
        _add(total, path.read_text(encoding="utf-8"))
    return total


def _add(total: Density, source: str) -> None:
    tree = ast.parse(source)
    docstrings = list(_docstrings(tree))
    in_docstrings = {number for node in docstrings for number in range(node.lineno, node.end_lineno + 1)}
    for number, line in enumerate(source.splitlines(), 1):
        is_code = line.strip() and not line.strip().startswith("#") and number not in in_docstrings
        total.code_lines += bool(is_code)
    skipped = {id(part) for node in docstrings for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        total.nodes += 1
        total.comprehensions += isinstance(node, COMPREHENSIONS)
        if isinstance(node, ast.stmt):
            total.statements += 1
            if not hasattr(node, "body"):
                total.simple_statements += 1
                total.long_statements += sum(1 for _ in ast.walk(node)) > MOST_NODES


def _docstrings(tree: ast.AST) -> Iterable[ast.Expr]:
    """A string alone as a statement: of a module, class or function, or below an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node
