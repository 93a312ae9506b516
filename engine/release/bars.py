"""What a world and the models that ship for it can do, held against the bars set for them."""

import json
from typing import Any

from engine.release.numbers import short_number
from engine.worlds import Measurements

HEADER = ["| what | goal | measured | n |", "|---|---|---|---|"]


def table(measurements: Measurements) -> str:
    """Every bar of the world, with what was measured."""
    values: dict[str, Any] = json.loads(measurements.values_file.read_text(encoding="utf-8"))
    lines = list(HEADER)
    for name, bar in measurements.bars.items():
        missed = "" if bar.holds(values) else ", missed"
        value = short_number(values[name]) + missed
        count = values["n"].get(name, "")
        lines.append(f"| {bar.what} | {bar.goal} | {value} | {count} |")
    return "\n".join(lines) + "\n"
