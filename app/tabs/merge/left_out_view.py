"""The last leave-one-out of a run: what a merge loses, or gains, without each of its experts."""

from collections.abc import Mapping
from typing import Any, TypedDict

from app.show import markup
from app.tabs.merge.saved_merges import weights_text
from engine.core.store import Store, read_object
from engine.evaluate.intervals import Interval
from engine.evaluate.standings import units
from engine.evaluate.standings.units import Unit
from engine.studies.leave_one_out import RESULT


class Rest(TypedDict):
    """What is left without one expert; None where nothing could be scored."""

    score: float | None
    difference: tuple[float, float, float] | None


class Merge(TypedDict):
    """What each expert was left out of."""

    method: str
    experts: dict[str, float]
    guidance: float


def view(store: Store) -> str:
    """Nothing before there is one."""
    file = store.folder / RESULT
    if not file.exists():
        return ""
    rates: dict[str, Any] = dict.fromkeys(("all", "floor", "ceiling"), float | None)
    result = read_object(file, merge=Merge, without=dict[str, Rest], **rates)
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
