"""The last leave-one-out of a run: what a merge loses, or gains, without each of its experts."""

from typing import Any, TypedDict

from app.show import markup
from engine import runs
from engine.core.store import read_object
from engine.evaluate.intervals import Interval
from engine.evaluate.standings import units
from engine.studies.leave_one_out import RESULT


class Left(TypedDict):
    """What is left without one expert; None where nothing could be scored."""

    score: float | None
    difference: tuple[float, float, float] | None


class Merge(TypedDict):
    """What each expert was left out of."""

    method: str
    experts: dict[str, float]
    guidance: float


def show(run: str) -> str:
    """Nothing before there is one."""
    file = runs.open_store(run).folder / RESULT
    if not file.exists():
        return ""
    rates: dict[str, Any] = dict.fromkeys(("all", "floor", "ceiling"), float | None)
    found = read_object(file, merge=Merge, without=dict[str, Left], **rates)
    merge = found["merge"]
    without = found["without"]
    known = [found["all"], *(left["score"] for left in without.values())]
    unit = units.of(merge.get("judge", ""), known)
    rows = [["all experts", unit.value(found["all"]), ""]]
    for name, left in without.items():
        told = unit.between(Interval(*left["difference"])) if left["difference"] else ""
        rows.append([f"without {name}", unit.value(left["score"]), told])
    weights = ", ".join(f"{name} {weight:.3g}" for name, weight in merge["experts"].items())
    said = (
        f"Measured for {merge['method']} of {weights}, at guidance {merge['guidance']:g}, on "
        "validation. "
        f"Floor {unit.value(found['floor'])}, ceiling {unit.value(found['ceiling'])}."
    )
    return markup.table(["left out", "score", "to all"], rows) + markup.aside(said)
