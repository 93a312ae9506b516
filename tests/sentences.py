"""How much of an error's sentence the tests spell out: errors are matched by their kind and by the value that is wrong.

Read from the syntax trees: what `pytest.raises` and `caught.match` are to match, and what an assertion compares with an
error's text. A name is followed to where it gets its value: in the function, in its table of parameters, in the module.
"""
import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ERROR_MAKERS = {"raises", "warns"}


@dataclass(frozen=True)
class Match:
    """One expression that an error's text is held against."""

    line: int
    letters: int
    """Written in the test; what is put in at run time does not count."""
    text: str


def matches(path: Path) -> list[Match]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = dict(_assigned(tree.body))
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            scope = _Scope(function, constants)
            for expression in scope.expressions():
                found += [_match(value) for value in scope.values(expression)]
    return list(dict.fromkeys(found))  # a function in a function is met twice


def _match(node: ast.expr) -> Match:
    return Match(node.lineno, _letters(node), ast.unparse(node))


def _letters(node: ast.AST) -> int:
    if isinstance(node, ast.FormattedValue):
        return 0
    if isinstance(node, ast.Constant):
        return len(node.value) if isinstance(node.value, str) else 0
    return sum(map(_letters, ast.iter_child_nodes(node)))


class _Scope:
    """A test function, with the constants of its module."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef, constants: dict[str, ast.expr]) -> None:
        self.function, self.constants = function, constants
        self.nodes = list(ast.walk(function))
        self.local = list(_assigned(function.body))
        self.errors = self._error_names()

    def expressions(self) -> Iterator[ast.expr]:
        for node in self.nodes:
            if isinstance(node, ast.Call) and _called(node) in ERROR_MAKERS:
                yield from (keyword.value for keyword in node.keywords if keyword.arg == "match")
            if isinstance(node, ast.Call) and _called(node) == "match" and self._is_of_error(node.func):
                yield from node.args
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                if any(map(self._is_of_error, sides)):
                    yield from (side for side in sides if not self._is_of_error(side))

    def values(self, node: ast.expr, followed: frozenset[str] = frozenset()) -> Iterator[ast.expr]:
        """The expression, or every one that it may stand for; none for what is made at run time."""
        if isinstance(node, ast.Call):
            for part in node.args:  # re.escape(sentence)
                yield from self.values(part, followed)
        elif isinstance(node, ast.Subscript):
            yield from self._rows(node.value)
        elif isinstance(node, ast.Name):
            sources = [] if node.id in followed else self._sources(node.id)
            for value in sources:
                yield from self.values(value, followed | {node.id})
        else:
            yield node

    def _sources(self, name: str) -> Iterator[ast.expr]:
        if name in self.constants:
            yield self.constants[name]
        yield from (value for target, value in self.local if target == name)
        for node in self.nodes:
            if isinstance(node, ast.For):
                yield from self._column(node.target, self._rows(node.iter), name)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
                yield from self._column(node.targets[0], self._rows(node.value.value), name)
        for decorator in self.function.decorator_list:
            if isinstance(decorator, ast.Call) and _called(decorator) == "parametrize":
                names, rows = decorator.args[:2]
                yield from self._column(_as_target(names), self._rows(rows), name)

    def _column(self, target: ast.expr, rows: list[ast.expr], name: str) -> Iterator[ast.expr]:
        """What the rows of a table hold for one of the names that they are taken apart into."""
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        for place, part in enumerate(parts):
            if not isinstance(part, ast.Name) or part.id != name:
                continue
            for row in rows:
                cells = row.args if isinstance(row, ast.Call) else getattr(row, "elts", [])
                if len(parts) == 1:
                    yield row
                elif len(cells) > place:
                    yield cells[place]

    def _rows(self, table: ast.expr) -> list[ast.expr]:
        if isinstance(table, ast.Name):
            sources = [self.constants[table.id]] if table.id in self.constants else []
            return [row for source in sources for row in self._rows(source)]
        if isinstance(table, ast.Call) and isinstance(table.func, ast.Attribute) and table.func.attr == "values":
            return self._rows(table.func.value)
        if isinstance(table, ast.Dict):
            return table.values
        return list(getattr(table, "elts", []))

    def _error_names(self) -> set[str]:
        """Names that hold an error, or its text."""
        found = set()
        for node in self.nodes:
            if isinstance(node, ast.withitem) and isinstance(node.context_expr, ast.Call):
                if _called(node.context_expr) in ERROR_MAKERS and isinstance(node.optional_vars, ast.Name):
                    found.add(node.optional_vars.id)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                found.add(node.name)
        texts = {name for name, value in self.local if _names(value) & found}
        return found | texts

    def _is_of_error(self, node: ast.expr) -> bool:
        return bool(_names(node) & self.errors)


def _called(node: ast.Call) -> str:
    """The last part of the name: `raises` of `pytest.raises`."""
    return ast.unparse(node.func).rpartition(".")[2]


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                yield node.target.id, node.value


def _as_target(names: ast.expr) -> ast.expr:
    """`"a, b"` or `("a", "b")` as the tuple of names (a, b)."""
    if isinstance(names, ast.Constant):
        words = [word.strip() for word in names.value.split(",")]
    else:
        words = [part.value for part in names.elts]
    parts = [ast.Name(word) for word in words]
    return parts[0] if len(parts) == 1 else ast.Tuple(parts)
