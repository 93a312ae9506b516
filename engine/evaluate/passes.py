"""Paint what is missing and judge what is painted, in two passes that take turns.

A turn of painting ends when enough pictures wait for the judge, so that means are seen while a long
evaluation runs, and so that the pictures fit on the disk. What the cache holds is judged at once.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from engine.core import picture_files
from engine.core.events import Event
from engine.core.store import Store
from engine.evaluate import Config, planning, score_recipes
from engine.evaluate.judging import JudgedPicture, judge_all
from engine.evaluate.picture_cache import PictureCache
from engine.evaluate.planning import Row
from engine.evaluate.score_files import ScoreFiles
from engine.judges import Judge
from engine.models.ensemble import Ensemble
from engine.worlds import World

Paint = Callable[[Sequence[Row]], list[Image.Image]]
"""From rows to a picture each, all in one batch."""
JUDGED_AT_ONCE = 32
MOST_WAITING = 256
"""Painted pictures that wait for the judge."""


def painting(ensemble: Ensemble, steps: int, sampler: str) -> Paint:
    """By the base; every row has its own mixture and its own guidance."""

    def paint(rows: Sequence[Row]) -> list[Image.Image]:
        texts, seeds, guidance, mixes = [], [], [], []
        for row in rows:
            texts.append(row.prompt.text)
            seeds.append(row.seed)
            guidance.append(row.guidance)
            mixes.append(row.mix)
        return ensemble.paint(texts, seeds, guidance, mixes, steps=steps, sampler=sampler)

    return paint


def drawing(ensemble: Ensemble, world: World) -> Paint:
    """By the world, and through the base's VAE and back: the most that its painter could score."""

    def draw(rows: Sequence[Row]) -> list[Image.Image]:
        scenes = [world.draw(row.prompt.text, row.seed) for row in rows]
        return ensemble.painter.round_trip(scenes)

    return draw


@dataclass(frozen=True)
class Tools:
    """Who paints, who judges, and where pictures wait."""

    paint: Paint
    load_judge: Callable[[], Judge]
    """Loads it when it is first called."""
    cache: PictureCache


def tools_of(config: Config, store: Store, ensemble: Ensemble) -> Tools:
    """The painter, the judge and the cache that an evaluation's options name."""
    paint = painting(ensemble, config.steps, config.sampler)
    load_judge = functools.cache(config.judge_choice.open)
    return Tools(paint, load_judge, PictureCache(store, config.picture_budget_mb))


class Passes:
    """Both passes over rows; `files` are those of each row's model, by its name."""

    def __init__(self, rows: Sequence[Row], files: Mapping[str, ScoreFiles], tools: Tools) -> None:
        self.rows, self.files, self.tools = rows, files, tools
        self.waiting: list[Row] = []
        """Painted, and not judged yet."""
        self.painted_bytes = 0
        """Of those that wait."""
        self.done = len(rows) - len(self._lacking(rows))

    def run(self, batch_size: int) -> Iterator[Event]:
        """Ends with every row judged; raises EngineError as painting and judging do."""
        for shard in planning.shards(self.rows, batch_size):
            missing = self._lacking(shard)
            if not missing:
                continue
            is_painted = all(map(self._is_painted, missing))
            if not is_painted:
                self._paint(shard, missing)
            self.waiting += missing
            self.done += len(missing)
            if not is_painted:
                text = f"Painted {self.done} of {len(self.rows)}."
                yield Event(text, self.done, len(self.rows))
            if self._is_turn_over():
                yield from self._judge_waiting()
        yield from self._judge_waiting()
        self.tools.cache.trim(self._still_needed)

    def means(self) -> dict[str, float | None]:
        """The mean over skills of every model, by name; None where nothing could be scored."""
        return self._means_of({row.model for row in self.rows})

    def _paint(self, shard: Sequence[Row], missing: Sequence[Row]) -> None:
        """The whole shard, of which the missing are kept.

        What a batch holds beside a picture changes it by 1/255 at most; always whole, an evaluation
        that was stopped anywhere paints the same bits.
        """
        for row, image in zip(shard, self.tools.paint(shard), strict=True):
            if row in missing and not self._is_painted(row):
                self.painted_bytes += self.tools.cache.add(self._identity(row), image)

    def _is_turn_over(self) -> bool:
        """Whether the judge's turn comes: nothing was painted, or enough was."""
        is_full = self.painted_bytes >= self.tools.cache.budget_bytes
        return not self.painted_bytes or is_full or len(self.waiting) >= MOST_WAITING

    def _judge_waiting(self) -> Iterator[Event]:
        for start in range(0, len(self.waiting), JUDGED_AT_ONCE):
            rows = self.waiting[start : start + JUDGED_AT_ONCE]
            self._judge(rows)
            yield self._means_so_far(rows)
        if self.painted_bytes:
            self.tools.cache.trim(self._still_needed)
        self.waiting, self.painted_bytes = [], 0

    def _judge(self, rows: Sequence[Row]) -> None:
        pictures = {row: self.tools.cache.file(self._identity(row)) for row in rows}
        images = list(map(picture_files.read, pictures.values()))
        by_model: dict[str, list[JudgedPicture]] = defaultdict(list)
        for judged in judge_all(self.tools.load_judge(), rows, images):
            by_model[judged.row.model].append(judged)
        for model, of_model in by_model.items():
            self.files[model].add(of_model, pictures)

    def _still_needed(self) -> set[str]:
        return set(map(self._identity, self._lacking(self.rows)))

    def _lacking(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if self.files[row.model].lacks(row)]

    def _is_painted(self, row: Row) -> bool:
        return self.tools.cache.holds(self._identity(row))

    def _identity(self, row: Row) -> str:
        """What the row's picture is called in the cache."""
        return score_recipes.of_picture(self.files[row.model].recipe, row)

    def _means_of(self, models: set[str]) -> dict[str, float | None]:
        return {model: self.files[model].mean() for model in sorted(models)}

    def _means_so_far(self, rows: Sequence[Row]) -> Event:
        """Of the models of these rows."""
        means = self._means_of({row.model for row in rows})
        parts = []
        for model in means:
            parts.append(f"{model} {self.files[model].mean_text()}")
        text = f"Mean so far: {', '.join(parts)}."
        return Event(text, self.done, len(self.rows), data={"means": means})
