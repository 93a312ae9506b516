"""Paint what is missing and judge what is painted, in two passes that take turns.

A turn of painting ends when enough pictures wait for the judge, so that means are seen while a long
evaluation runs, and so that the pictures fit on the disk. What the cache holds is judged at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from engine.core import picture_files
from engine.core.events import Event
from engine.core.provenance import Identity
from engine.evaluate import planning, score_recipes
from engine.evaluate.judging import judge_all
from engine.evaluate.picture_cache import PictureCache
from engine.evaluate.planning import Row
from engine.evaluate.score_files import ScoreFiles
from engine.judges import Judge

Paint = Callable[[Sequence[Row]], list[Image.Image]]
"""One batch of pictures, a row each."""
JUDGED_AT_ONCE = 32
MOST_WAITING = 256
"""Painted pictures that wait for the judge."""


@dataclass(frozen=True)
class Tools:
    """Who paints and who judges."""

    paint: Paint
    load_judge: Callable[[], Judge]
    """Loads it when it is first called."""
    cache: PictureCache


class Passes:
    """Both passes over the rows of an evaluation; `recipes` say by model what decides them."""

    def __init__(
        self, rows: Sequence[Row], recipes: Mapping[str, Identity], files: ScoreFiles, tools: Tools
    ) -> None:
        self.rows, self.recipes, self.files, self.tools = rows, recipes, files, tools
        self.waiting: list[Row] = []
        """Painted, and not judged yet."""
        self.painted_bytes = 0
        """Of those that wait."""
        self.done = len(rows) - len(self._lacking())

    def run(self, batch_size: int) -> Iterator[Event]:
        """Ends with every row judged; raises EngineError as painting and judging do."""
        for shard in planning.shards(self.rows, batch_size):
            missing = list(filter(self.files.lacks, shard))
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
        cache = self.tools.cache
        for start in range(0, len(self.waiting), JUDGED_AT_ONCE):
            rows = self.waiting[start : start + JUDGED_AT_ONCE]
            files = {row: cache.file(self._identity(row)) for row in rows}
            images = list(map(picture_files.read, files.values()))
            judged = judge_all(self.tools.load_judge(), rows, images)
            self.files.add(judged, files)
            yield self._means_so_far({row.model for row in rows})
        if self.painted_bytes:
            cache.trim(self._still_needed)
        self.waiting, self.painted_bytes = [], 0

    def _still_needed(self) -> set[str]:
        return set(map(self._identity, self._lacking()))

    def _lacking(self) -> list[Row]:
        return list(filter(self.files.lacks, self.rows))

    def _is_painted(self, row: Row) -> bool:
        return self.tools.cache.holds(self._identity(row))

    def _identity(self, row: Row) -> str:
        """What the row's picture is called in the cache."""
        return score_recipes.of_picture(self.recipes[row.model], row)

    def _means_so_far(self, models: set[str]) -> Event:
        means = self.files.means(models)
        parts = []
        for model, mean in means.items():
            parts.append(f"{model} {'unscored' if mean is None else f'{mean:.3f}'}")
        text = f"Mean so far: {', '.join(parts)}."
        return Event(text, self.done, len(self.rows), data={"means": means})
