"""The last leave-one-out of a run: what a merge loses, or gains, without each of its experts."""
from app import runs, units, views
from engine.core.store import read_json
from engine.evaluate.intervals import Interval
from engine.leave_one_out import RESULT


def show(run: str) -> str:
    """Nothing before there is one."""
    file = runs.open_store(run).folder / RESULT
    if not file.exists():
        return ""
    found = read_json(file)
    merge = found["merge"]
    without = found["without"]
    known = [found["all"], *(left["score"] for left in without.values())]
    unit = units.of(merge.get("judge", ""), known)
    rows = [["all experts", unit.value(found["all"]), ""]]
    for name, left in without.items():
        told = unit.between(Interval(*left["difference"])) if left["difference"] else ""
        rows.append([f"without {name}", unit.value(left["score"]), told])
    weights = ", ".join(f"{name} {weight:.3g}" for name, weight in merge["experts"].items())
    said = (f"Measured for {merge['method']} of {weights}, at guidance {merge['guidance']:g}, on validation. "
            f"Floor {unit.value(found['floor'])}, ceiling {unit.value(found['ceiling'])}.")
    return views.table(["left out", "score", "to all"], rows) + views.aside(said)
