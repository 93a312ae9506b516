"""The way back on the merge tab: one gesture is one step, whether by mouse, by key or typed.

Kept by the page itself, where no call is dropped and none comes late: Gradio's listeners drop or
join what comes while a call runs, arrow keys never fire `release`, and a number box fires it before
the first digit. A step is told by the values. Controls that moved together are one (a preset, a
grid's cell); the same control again is the same step while the mouse holds it, or within a pause;
letting go ends it.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from app import scripts
from app.listeners import Updates

PAUSE_MS = 800
"""A key that is held, or a number that is typed, is one step; two presses further apart are two."""
MOST = 50

_IN_RANGE = """(value, range) => {
  if (!range) return value;
  const slider = document.querySelector(`#${range.id} input[type=range]`);
  const {min, max, value: last} = slider || {value: range.min};
  if (value === null) return Number(last);  // a box that is being typed in
  return min === undefined ? value : Math.min(Math.max(value, Number(min)), Number(max));
}"""
_STEP = """(way, ...values) => {
  const ranges = RANGES, inRange = IN_RANGE;
  const now = values.map((value, n) => inRange(value, ranges[n]));
  const steps = JSON.parse(way || '[]'), last = steps.at(-1), at = Date.now();
  if (!last) return JSON.stringify([{now, moved: '', at: 0}]);
  const differs = (value, n) => JSON.stringify(value) !== JSON.stringify(last.now[n]);
  const moved = now.flatMap((value, n) => differs(value, n) ? [n] : []);
  if (!moved.length || moved.some(n => now[n] === null)) return;
  const held = document.querySelector('input[type=range]:active') !== null;
  const goesOn = at - last.at < PAUSE || held && last.held;
  if (moved.length === 1 && last.moved === String(moved) && !last.ended && goesOn) steps.pop();
  const before = steps.at(-1);
  if (!before || JSON.stringify(before.now) !== JSON.stringify(now))
    steps.push({now, moved: String(moved), at, held});
  return JSON.stringify(steps.slice(-MOST));
}""".replace("PAUSE", str(PAUSE_MS)).replace("MOST", str(MOST))

START = "(...now) => JSON.stringify([{now, moved: '', at: 0}])"
"""Where the way begins: (*values) -> way."""

END = """way => {
  const steps = JSON.parse(way || '[]');
  if (steps.length) steps.at(-1).ended = true;
  return JSON.stringify(steps);
}"""
"""A listener of letting go: way -> way; what the same control does next is another step."""

BACK = """way => {
  const steps = JSON.parse(way || '[]');
  if (steps.length > 1) steps.pop();
  if (steps.length) steps.at(-1).ended = true;
  return JSON.stringify(steps);
}"""
"""A listener of Undo: way -> way, one step shorter; `last_stand` says where that is."""


def step(controls: Sequence[Component]) -> str:
    """A listener of every change: (way, *values) -> way, with how it is now at its end."""
    return _STEP.replace("RANGES", json.dumps(_ranges(controls))).replace("IN_RANGE", _IN_RANGE)


def in_range(inputs: Collection[Component]) -> str:
    """A listener's values, each slider's within its ends, as once its box is left."""
    ranges = json.dumps(_ranges(scripts.in_order(inputs)))
    return f"(...values) => values.map((value, n) => ({_IN_RANGE})(value, {ranges}[n]))"


def last_stand(way: str, controls: Sequence[Component]) -> Updates:
    """Where every control stood at the end of a way; nothing where it has not begun."""
    steps = json.loads(way or "[]")
    return dict(zip(controls, steps[-1]["now"], strict=False)) if steps else {}


def _ranges(controls: Sequence[Component]) -> list[dict[str, Any] | None]:
    """A slider may have been made longer, so the page says its ends; None for other controls."""
    ranges: list[dict[str, Any] | None] = []
    for control in controls:
        ends = None
        if isinstance(control, gr.Slider):
            ends = {"id": control.elem_id, "min": control.minimum}
        ranges.append(ends)
    return ranges
