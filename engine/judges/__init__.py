"""Judges, (prompt, picture) -> score. To add one, add a file with `Config` and `judge`.

`judge(config)` loads its model once and returns a function `(prompt, picture, seed) -> Score`. Two
more may be there. `why_unreadable(prompt)`, quick and without a model, returns why this judge can
never score that text, or None where it can: a stage asks before it paints. `SCALE`, the lowest and
the highest value, says how its scores are written: (0, 1) is a share, else a number of its own; a
score beyond it is damaged.
"""

from collections.abc import Callable

from PIL import Image

from engine.core.types import Prompt, Score

WHY_UNREADABLE, SCALE = "why_unreadable", "SCALE"
Judge = Callable[[Prompt, Image.Image, int], Score]
