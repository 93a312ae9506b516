"""What a search tried, and what its winner is worth on prompts it never saw."""

from collections.abc import Sequence
from typing import Any

from app.show import charts, markup
from engine.core.store import Store
from engine.evaluate.intervals import Interval
from engine.evaluate.standings import lead, score_tables, units
from engine.evaluate.standings.units import Unit
from engine.studies import results
from engine.studies.candidates import AVERAGE, Candidate

MOST_ROWS = 6


def unit_of(store: Store, tried: Sequence[Candidate]) -> Unit:
    """How a search's scores are written; the folder of its scores alone says who judged."""
    average = tried[0]
    files = score_tables.validation_files(store, average.arm)
    judge = files[0].stem if files else ""
    return units.judge_unit(judge, [candidate.score for candidate in tried])


def table(store: Store, tried: Sequence[Candidate], unit: Unit) -> str:
    """The best candidates and the average; the first stands out where the intervals decide it."""
    average = tried[0]
    best_first = sorted(tried, key=lambda candidate: -unit.gain(candidate.score))
    candidates = best_first[:MOST_ROWS]
    if average not in candidates:
        candidates.append(average)
    scores = [score_tables.validation_scores(store, candidate.arm) for candidate in candidates]
    ahead = lead.find_lead(scores, unit)
    best, sentence = None, ""
    if ahead:
        sentence = markup.aside(ahead.sentence(list(map(_name, candidates))))
        best = ahead.first if ahead.is_decided else None
    experts = list(average.weights)
    rows = [_row(candidate, experts, unit) for candidate in candidates]
    return markup.table(["on validation", unit.axis, *experts], rows, best) + sentence


def figure(tried: Sequence[Candidate], unit: Unit) -> Any:
    """Every candidate's score, and the average's as a line."""
    scores = [candidate.score for candidate in tried]
    return charts.progress(list(enumerate(scores)), tried[0].score, unit)


def test_result(store: Store, search: str, unit: Unit) -> str:
    """The winner and the average on test; nothing before the end."""
    result = results.search_result(store, search)
    if result is None:
        return ""
    test, average = unit.value(result["test"]), unit.value(result["average_on_test"])
    floor, ceiling = unit.value(result["floor"]), unit.value(result["ceiling"])
    sentence = f"On test: searched {test}, average {average} (floor {floor}, ceiling {ceiling})"
    if result["difference"]:
        difference = unit.interval_text(Interval(*result["difference"]))
        sentence += f", a difference of {difference}: {result['verdict']}"
    return markup.aside(f"{sentence}.")


def _row(candidate: Candidate, experts: Sequence[str], unit: Unit) -> list[str]:
    row = [_name(candidate), unit.value(candidate.score)]
    for expert in experts:
        row.append(f"{candidate.weights[expert]:.2f}")
    return row


def _name(candidate: Candidate) -> str:
    return AVERAGE if candidate.arm.endswith(AVERAGE) else candidate.arm.lstrip("_")
