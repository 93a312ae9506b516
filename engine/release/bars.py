"""What the shipped world and its models can do, held against the bars set for them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from engine.release.numbers import short_number

ASSETS = Path(__file__).parents[2] / "assets"
CHECK = ASSETS / "storybook" / "check.json"
HEADER = ["| what | goal | measured | n |", "|---|---|---|---|"]
Measurements = Mapping[str, float]


def _always(measured: Measurements) -> bool:
    return True


def at_least(name: str, bound: float) -> Callable[[Measurements], bool]:
    """Holds where the number of that name reaches the bound."""
    return lambda measured: measured[name] >= bound


class Bar(NamedTuple):
    """One measured number of the shipped world; without a goal it stands beside the others."""

    what: str
    goal: str = ""
    holds: Callable[[Measurements], bool] = _always


def _is_quick(measured: Measurements) -> bool:
    return measured["judge_ms"] <= 5


def _base_is_between(measured: Measurements) -> bool:
    """Good enough to learn from, and not so good that there is nothing left to learn."""
    return 0.65 <= measured["base_dsg"] <= 0.90


def _weak_is_weaker(measured: Measurements) -> bool:
    return measured["weak_dsg"] <= measured["base_dsg"] - 0.08


def _writes_like_the_grammar(measured: Measurements) -> bool:
    return abs(measured["writer_novel"] - measured["grammar_novel"]) <= 0.10


BARS = {
    "judge_exact": Bar(
        "scenes that the judge reads without any error", "≥ 0.995", at_least("judge_exact", 0.995)
    ),
    "judge_ms": Bar("milliseconds it takes for one", "≤ 5", _is_quick),
    "judge_exact_after_vae": Bar(
        "scenes without any error after the VAE", "≥ 0.98", at_least("judge_exact_after_vae", 0.98)
    ),
    "ceiling_dsg": Bar("ceiling: DSG of true scenes after the VAE; no painter is better"),
    "base_dsg": Bar(
        "base: DSG, mean over skills at its best guidance scale", "0.65–0.90", _base_is_between
    ),
    "base_worst_skill": Bar(
        "base: its weakest skill there", "≥ 0.45", at_least("base_worst_skill", 0.45)
    ),
    "base_floor": Bar("floor: the base's pictures by other prompts of the skill"),
    "weak_dsg": Bar("weak sibling: DSG", "0.08 below the base", _weak_is_weaker),
    "weak_floor": Bar("floor: the weak sibling's pictures by other prompts"),
    "writer_parses": Bar(
        "writer: lines that can be read", "≥ 0.90", at_least("writer_parses", 0.90)
    ),
    "writer_on_skill": Bar(
        "writer: lines that keep to the skill", "≥ 0.85", at_least("writer_on_skill", 0.85)
    ),
    "writer_novel": Bar(
        "writer: lines that the novelty filter keeps",
        "the grammar's, ± 0.10",
        _writes_like_the_grammar,
    ),
    "grammar_novel": Bar("the grammar's own lines that it keeps"),
    "writer_unseen_skill": Bar(
        "writer: on skill for two skills that it was not trained on",
        "≥ 0.60",
        at_least("writer_unseen_skill", 0.60),
    ),
}


def table() -> str:
    """Every bar, from what `python -m engine.storybook check --write` measured."""
    measured: dict[str, Any] = json.loads(CHECK.read_text(encoding="utf-8"))
    lines = list(HEADER)
    for name, bar in BARS.items():
        missed = "" if bar.holds(measured) else ", missed"
        count = measured["n"].get(name, "")
        lines.append(
            f"| {bar.what} | {bar.goal} | {short_number(measured[name])}{missed} | {count} |"
        )
    return "\n".join(lines) + "\n"
