"""How far the work on a run has come: its stations, and what its jobs say."""

from html import escape

from engine import runs
from engine.jobs import Job
from engine.jobs.progress import working_stage
from engine.runs import contents

NEXT = {
    "pipeline": "See who is better in Evaluate, slide the weights in Merge, "
    "choose between pictures in Vote.",
    "prompts": "Next: paint them, in Images.",
    "images": "Next: let experts learn from them, in Experts.",
    "experts": "Next: slide their weights, in Merge.",
    "merge": "Next: score it beside the base, in Evaluate.",
    "evaluate": "Next: choose between the pictures, in Vote.",
    "adopt": "It has a slider now, in Merge.",
    "grid": "Press a picture of it, in Merge under Grid, and the sliders take its weights.",
    "search": "What it found stands among the weights, in Merge.",
    "leave_one_out": "The table stands in Merge, under Interference.",
}
"""What to do after each job."""
ALL_DONE = "every stage of the recipe."


def strip(run: str, job: Job | None, other_runs_job: Job | None) -> str:
    """The stations of the line with what the run holds of each, and what its job says."""
    working = working_stage(job)
    stations = ""
    for stage, count in _counts(run).items():
        stations += station(stage, count, stage == working)
    html = f'<ol class="stations">{stations}</ol>'
    if job:
        html += sentence(job)
    if other_runs_job:
        html += sentence(other_runs_job, f"Run {other_runs_job.run}: ")
    return html


def station(stage: str, count: int, is_working: bool) -> str:
    tone = "done" if count else "waiting"
    if is_working:
        tone = "working"
    number = f"{count:,}" if count else "–"
    return f'<li class="{tone}"><b>{stage.capitalize()}</b><span>{number}</span></li>'


def sentence(job: Job, lead: str = "") -> str:
    """The job's last sentence, with a bar while it works and can say how far it is."""
    if job.last is None:
        text = escape(f"{lead}Starting {job.stage} …")
        return f'<div class="job running" role="status"><progress></progress><p>{text}</p></div>'
    text = ending(job.stage, job.last.text) if job.state == "done" else job.last.text
    bar = _progress_bar(job) if job.state == "running" else ""
    return f'<div class="job {job.state}" role="status">{bar}<p>{escape(lead + text)}</p></div>'


def ending(stage: str, last_text: str) -> str:
    """That a job is through, what it said last, and what to do next. The whole line ends with a
    table of scores.
    """
    first_line = last_text.splitlines()[0].strip() if last_text else ""
    text = f"Done: {first_line or ALL_DONE}"
    return f"{text} {NEXT[stage]}" if stage in NEXT else text


def _counts(run: str) -> dict[str, int]:
    """How much the run holds of each stage."""
    held = contents.summary(runs.open_store(run))
    return {
        "prompts": held.prompts,
        "images": held.pictures,
        "experts": len(held.experts),
        "merge": len(held.merges),
        "evaluate": len(held.scored),
    }


def _progress_bar(job: Job) -> str:
    if job.last is None or not job.last.total:
        return "<progress></progress>"
    return f'<progress value="{job.last.done}" max="{job.last.total}"></progress>'
