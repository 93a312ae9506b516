"""Evidence is a typed record, and its files stay what they are to the byte."""
from pathlib import Path

import pytest

from engine.core import store
from engine.core.errors import EngineError
from engine.core.evidence import Answer, Evidence, SeenScene, Thing
from engine.core.types import Score
from engine.studies.cells import Cell

SHIPPED = Path(__file__).parents[2] / "assets" / "example_run"
FILES = [path for path in sorted(SHIPPED.glob("scores/*/*/*.jsonl")) if path.parent.name != "pictures"]
WHOLE = Evidence(
    questions=(Answer(1, "entity", "Is there a ball?", (), True), Answer("b", "count", "Are there two?", (1,), False)),
    exact=False,
    seen=SeenScene((Thing("ball", None, 1.5, 2.0), Thing(None, "red")), None, "filled", ("a shape fits nothing",)),
    details={"why": ["blurred"]},
    skill="counting",
    text="two balls",
    number=0,
    pooled="",
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: "-".join(file.parts[-3:]))
def test_the_shipped_scores_are_written_back_to_the_same_bytes(file, tmp_path):
    scores = store.read_records(file, Score)
    assert len(scores) > 10 and all(isinstance(score.evidence, Evidence) for score in scores)
    store.write_records(tmp_path / "again.jsonl", scores)
    assert (tmp_path / "again.jsonl").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("evidence", [Evidence(), WHOLE, Evidence(unscored="no word", nearest="")])
@pytest.mark.parametrize("kind", [Score, Cell])
def test_what_is_written_is_read_as_the_same_record(tmp_path, evidence, kind):
    record = {
        Score: Score("p", 1, "j", 0.5, evidence),
        Cell: Cell("00.png", "a ball", 0, 0, 1.0, 0.5, {"a": 1.0}, 3.5, None, evidence),
    }[kind]
    store.write_records(tmp_path / "one.jsonl", [record])
    assert store.read_records(tmp_path / "one.jsonl", kind) == [record]


LATER = (
    '{"prompt_id": "p", "seed": 1, "judge": "j", "value": null, "evidence": '
    '{"questions": [{"id": 1, "category": "entity", "text": "a ball?", "parents": [], "yes": true, "sure": 0.5}], '
    '"seen": {"things": [{"kind": "ball", "colour": null, "box": [1, 2]}], "background": null, "style": null, '
    '"flags": [], "lens": "wide"}, "skill": "s", "more": {"of": ["theirs"]}, "model": "large"}}\n'
)
"""As a later version may write it."""


def test_what_a_later_version_says_beside_it_is_kept(tmp_path):
    """Whoever goes on with an evaluation writes the whole file anew."""
    path = tmp_path / "scores.jsonl"
    path.write_text(LATER)
    scores = store.read_records(path, Score)
    assert scores[0].evidence.more == {"more": {"of": ["theirs"]}, "model": "large"}
    assert [answer.more for answer in scores[0].answers] == [{"sure": 0.5}]
    store.write_records(path, scores)
    assert path.read_text() == LATER


@pytest.mark.parametrize("name", ["questions", "exact", "seen", "unscored", "nearest", "details", "skill", "number"])
def test_what_is_not_said_is_missing_and_no_null(tmp_path, name):
    path = tmp_path / "scores.jsonl"
    store.write_records(path, [Score("a", 1, "j", 0.5)])
    assert path.read_text().endswith('"evidence": {}}\n')
    path.write_text(path.read_text().replace("{}", f'{{"{name}": null}}'))
    with pytest.raises(EngineError, match=f"evidence: {name} is None"):
        store.read_records(path, Score)
