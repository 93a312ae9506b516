"""The last leave-one-out of a run: what a merge loses, or gains, without each of its experts."""

from collections.abc import Mapping
from typing import Any

from app.show import markup
from engine.core.store import Store
from engine.evaluate.intervals import Interval
from engine.evaluate.standings import units
from engine.evaluate.standings.units import Unit
from engine.runs.saved_merges import weights_text
from engine.studies import results
from engine.studies.results import Rest


def view(store: Store) -> str:
    """Nothing before there is one."""
    result = results.left_out(store)
    if result is None:
        return ""
    unit = _unit(result)
    rows = [["all experts", unit.value(result["all"]), ""]]
    for name, rest in result["without"].items():
        rows.append([f"without {name}", unit.value(rest["score"]), _difference(rest, unit)])
    return markup.table(["left out", "score", "to all"], rows) + markup.aside(_note(result, unit))


def _unit(result: Mapping[str, Any]) -> Unit:
    scores = [rest["score"] for rest in result["without"].values()]
    judge = result["merge"].get("judge", "")
    return units.judge_unit(judge, [result["all"], *scores])


def _difference(rest: Rest, unit: Unit) -> str:
    if not rest["difference"]:
        return ""
    return unit.interval_text(Interval(*rest["difference"]))


def _note(result: Mapping[str, Any], unit: Unit) -> str:
    merge = result["merge"]
    floor, ceiling = unit.value(result["floor"]), unit.value(result["ceiling"])
    return (
        f"Measured for {merge['method']} of {weights_text(merge['experts'])}, at guidance "
        f"{merge['guidance']:g}, on validation. Floor {floor}, ceiling {ceiling}."
    )
