"""Judges, (prompt, picture) -> score. To add one, add a file with `Config` and `judge`.

`judge(config)` loads its model once and returns a function `(prompt, picture, seed) -> Score`.
A judge whose values lie between two numbers says so, `RANGE = (low, high)`: a score beyond them is
damaged.
"""
from collections.abc import Callable

from PIL import Image

from engine.core.types import Prompt, Score

Judge = Callable[[Prompt, Image.Image, int], Score]
