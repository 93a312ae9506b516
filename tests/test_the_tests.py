"""The tests themselves: errors are known by kind and value, nothing by a place that must be counted, and what several
share stands in no test.
"""
import ast
from pathlib import Path

import pytest

from tests.sentences import matches

ROOT = Path(__file__).parent.parent
TESTS = {str(path.relative_to(ROOT)): path for path in sorted((ROOT / "tests").rglob("*.py"))}
MOST_LETTERS = 39
"""Of a sentence that a test spells out."""
MOST_PLACE = 2
"""Counted from either end: beyond it nobody sees what stands there."""
MOST_UNPACKED = 5


def test_an_error_is_known_by_its_kind_and_value_and_not_by_its_sentence():
    sentences = {f"{name}:{match.line}": match.text for name, path in TESTS.items() for match in matches(path)
                 if match.letters > MOST_LETTERS}
    assert sentences == {}


def test_nothing_is_asserted_by_a_place_that_must_be_counted():
    asserted = [(name, node) for name, path in TESTS.items() for node in ast.walk(parsed(path))
                if isinstance(node, ast.Assert)]
    places = {f"{name}:{node.lineno}": ast.unparse(part) for name, node in asserted for part in ast.walk(node.test)
              if is_far_place(part)}
    assert places == {}


def test_no_long_list_is_taken_apart_by_place():
    targets = {f"{name}:{node.lineno}": target for name, path in TESTS.items() for node in ast.walk(parsed(path))
               if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Tuple | ast.List)}
    assert [place for place, target in targets.items() if len(target.elts) > MOST_UNPACKED] == []


def test_what_tests_share_stands_in_no_test():
    shared = {f"{name} {node.module}.{alias.name}" for name, path in TESTS.items() for node in ast.walk(parsed(path))
              if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {line for line in shared if " tests." in line and ".test_" in line} == set()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_far_place(node: ast.AST) -> bool:
    if not isinstance(node, ast.Subscript):
        return False
    place = node.slice.operand if isinstance(node.slice, ast.UnaryOp) else node.slice
    return isinstance(place, ast.Constant) and type(place.value) is int and place.value > MOST_PLACE


@pytest.mark.parametrize(("code", "far"), [("rest[13]", True), ("rest[-3]", True), ("rest[0]", False),
                                           ("rest[-1]", False), ("rest[:9]", False), ("rest['13']", False)])
def test_a_far_place(code, far):
    assert is_far_place(ast.parse(code, mode="eval").body) == far


def test_a_sentence_is_found_wherever_it_stands(tmp_path):
    module = tmp_path / "test_it.py"
    module.write_text('''
CONSTANT = "from the module"
TABLE = {"a": (1, "from a table"), "b": (2, "and its other row")}
WORDS = {"a": "by a key"}

@pytest.mark.parametrize(("value", "sentence"), [(1, "from a list"), pytest.param(2, "and a param")])
@pytest.mark.parametrize("key, more", TABLE.values())
@pytest.mark.parametrize("letter", WORDS)
def test_it(value, sentence, key, more, letter):
    _, picked = TABLE[key]
    local = f"from {value} here"
    for one, looped in ((1, "from a loop"),):
        with pytest.raises(ValueError, match=looped):
            call(one)
    for unknown in (sentence, more, picked):
        with pytest.raises(ValueError, match=sentence), pytest.raises(ValueError, match=more):
            call(unknown)
        with pytest.raises(ValueError, match=picked), pytest.raises(ValueError, match=re.escape(CONSTANT)):
            call(unknown)
    with pytest.raises(ValueError, match=local) as caught:
        call()
    caught.match("by match")
    text = str(caught.value)
    assert "in its text" in text and len("no error's text") > 2
    try:
        call()
    except ValueError as error:
        assert str(error) == "what was caught" and WORDS[letter] in str(error)
''')
    assert {match.text.strip("\'"): match.letters for match in matches(module)} == {
        "from the module": 15, "from a table": 12, "and its other row": 17, "from a list": 11, "and a param": 11,
        "from a loop": 11, "f\'from {value} here": 10, "by match": 8, "in its text": 11, "what was caught": 15,
        "by a key": 8}
