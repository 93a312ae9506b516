"""How code reads: how dense it is, by counts over syntax trees, docstrings aside; and what its public names are."""
import ast
import re
from collections.abc import Iterable, Iterator, Sequence
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


PREPOSITIONS = frozenset(
    "about above across after against along among around at away before behind below beneath beside besides between "
    "beyond by despite during except for from in inside into like near of off on onto out outside over past per since "
    "through throughout till to toward towards under underneath until upon via with within without".split())
PARTICIPLES = frozenset(
    "answered applied asked beaten begun bound built caught chosen curated decided described done drawn encoded fed "
    "found given gone got grown heard held hidden joined judged kept known left listed located lost made measured "
    "meant met named needed owned painted paired placed recorded refused said sampled searched seen shown sifted "
    "sorted stored taken thought told understood validated wanted won written".split())
SHORT_OF_A_NOUN = PREPOSITIONS | PARTICIPLES | {"beat", "own"}
"""Words that say nothing of what a thing is. Those that read as a verb, too (read, set, put, cut, hold), are names of
functions; left is a side as well.
"""


def public_names(path: Path) -> Iterator[str]:
    """Of the module itself, its functions, classes and constants, and of its classes' methods and fields."""
    yield path.stem
    yield from _defined(ast.parse(path.read_text(encoding="utf-8")).body)


def _defined(body: Sequence[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield node.name
            yield from _defined(node.body)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))


def is_puzzle(name: str) -> bool:
    """Whether a public name is a bare preposition or participle, or a class's ends in a participle."""
    if name.startswith("_"):
        return False
    words = [word.lower() for word in re.findall("[A-Z]?[a-z0-9]+|[A-Z0-9]+", name)]
    if len(words) == 1 and words[0] in SHORT_OF_A_NOUN:
        return True
    is_class = name[0].isupper() and not name.isupper()
    return is_class and (words[-1] in SHORT_OF_A_NOUN or words[-1].endswith("ed"))
