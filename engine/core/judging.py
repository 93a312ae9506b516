"""What a judge is, and what it may report of its scores beside their mean."""

from collections.abc import Callable, Sequence

from PIL import Image

from engine.core.types import Prompt, Score

Judge = Callable[[Sequence[Prompt], Sequence[Image.Image], Sequence[int]], list[Score]]
"""Prompts, a picture of each, and the seed of each picture -> a score of each."""

DSG = "questions by DSG's rule"
"""The mean is that of the answers, no question counting whose parent was answered no."""
SELMA = "questions by SELMA's rule"
CATEGORIES = "categories of questions"
EXACT = "exact pictures"
FLAGGED = "flagged pictures"
"""In which the judge found something that it could not read."""
ALL_METRICS = (DSG, SELMA, CATEGORIES, EXACT, FLAGGED)
