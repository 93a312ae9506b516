"""Pictures side by side from the same noise: the base's, each expert's alone and the merge's, with
what the judge of the run's world reads from each.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from PIL import Image

from engine import judges, worlds
from engine.core import plugins
from engine.core.store import Store
from engine.core.types import Prompt, Score
from engine.judges import Judge
from engine.runs import contents
from engine.runs.preview import STEPS, Merge, PictureRequest, Preview

BASE, MERGED = "base", "merged"


class Subject(NamedTuple):
    """What is painted, with whatever merge."""

    prompts: tuple[str, ...]
    seed: int
    guidance: float


class Figure(NamedTuple):
    """One picture of a prompt."""

    painter: str
    """The base, the merge or an expert, by its name."""
    image: Image.Image
    score: Score | None
    """None where the run's world has no judge."""


def paint(
    preview: Preview, run: Store, subject: Subject, merge: Merge, each_expert: bool
) -> dict[str, list[Figure]]:
    """The pictures of each prompt.

    Raises EngineError, naming the remedy, for what cannot be loaded, and for a merge of nothing.
    """
    merges = _merges(merge, each_expert)
    images = iter(preview.paint(run, _requests(subject, merges)))
    judge = worlds.judge_of(contents.world(run))
    figures: dict[str, list[Figure]] = {}
    for prompt in subject.prompts:
        figures[prompt] = []
        for painter in merges:
            image = next(images)
            figure = Figure(painter, image, _score(judge, prompt, image, subject.seed))
            figures[prompt].append(figure)
    return figures


def _merges(merge: Merge, each_expert: bool) -> dict[str, Merge | None]:
    """What paints each picture of a prompt, by its name."""
    merges: dict[str, Merge | None] = {BASE: None}
    if each_expert:
        for name, _ in merge.weights:
            merges[name] = Merge.single(name)
    merges[MERGED] = merge
    return merges


def _requests(subject: Subject, merges: Mapping[str, Merge | None]) -> list[PictureRequest]:
    """Prompt by prompt."""
    requests = []
    for prompt in subject.prompts:
        for merge in merges.values():
            request = PictureRequest(prompt, subject.seed, subject.guidance, merge, STEPS)
            requests.append(request)
    return requests


def _score(judge: str, prompt: str, image: Image.Image, seed: int) -> Score | None:
    if not judge:
        return None
    (score,) = _judge(judge)([Prompt("", "", prompt)], [image], [seed])
    return score


@cache
def _judge(name: str) -> Judge:
    plugin = plugins.load(judges, name)
    judge: Judge = plugin.judge(plugin.Config())
    return judge
