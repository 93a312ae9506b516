"""The last leave-one-out of a run: what a merge loses, or gains, without each of its experts."""
from app import runs, views
from engine.core.store import read_json
from engine.leave_one_out import RESULT


def show(run: str) -> str:
    """Nothing before there is one."""
    file = runs.open_store(run).folder / RESULT
    if not file.exists():
        return ""
    found = read_json(file)
    rows = [["all experts", views.percent(found["all"]), ""]]
    for name, left in found["without"].items():
        told = "{} ({} to {})".format(*map(views.signed, left["difference"])) if left["difference"] else ""
        rows.append([f"without {name}", views.percent(left["score"]), told])
    merge = found["merge"]
    weights = ", ".join(f"{name} {weight:.3g}" for name, weight in merge["experts"].items())
    said = (f"Measured for {merge['method']} of {weights}, at guidance {merge['guidance']:g}, on validation. "
            f"Floor {views.percent(found['floor'])}, ceiling {views.percent(found['ceiling'])}.")
    return views.table(["left out", "score", "to all, in points"], rows) + views.aside(said)
