"""The rows of `python -m tests.benchmarks`, one a comparison."""

import json
from pathlib import Path
from typing import Any

from engine.release.numbers import meets, short_number

ROWS = Path(__file__).parents[2] / "assets" / "results" / "benchmarks.jsonl"
HEADER = [
    "| what: ours, peer | ours | peer | unit | ratio of | ratio | lowest to highest | goal | n |",
    "|---|---|---|---|---|---|---|---|---|",
]
Row = dict[str, Any]


def table() -> str:
    """Every comparison, where it was measured, and what was noted beside it."""
    rows: list[Row] = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    machines = sorted({_machine(row) for row in rows})
    comparisons = [_comparison(row) for row in rows]
    notes = [_note(row) for row in rows if row["more"]]
    lines = [f"Measured on: {'; '.join(machines)}.\n", *HEADER, *comparisons]
    return "\n".join([*lines, "", "Beside them:", "", *notes]) + "\n"


def _machine(row: Row) -> str:
    return f"{row['device']}, {row['threads']} threads, torch {row['torch']}"


def _comparison(row: Row) -> str:
    missed = "" if meets(row["ratio"], row["goal"]) else ", missed"
    ours, peer = short_number(row["ours"]), short_number(row["peer"])
    ratio = short_number(row["ratio"]) + missed
    cells = [row["name"], ours, peer, row["unit"], row["of"], ratio, _spread(row), row["goal"]]
    return f"| {' | '.join(cells)} | {row['n']} |"


def _note(row: Row) -> str:
    values = "; ".join(f"{what} {_value(value)}" for what, value in row["more"].items())
    return f"- {row['name']}: {values}."


def _spread(row: Row) -> str:
    """The lowest and the highest ratio; of a single run there is none."""
    if row["n"] == 1:
        return ""
    low, high = row["spread"]
    return f"{short_number(low)} to {short_number(high)}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(short_number, value))
    return short_number(value)
