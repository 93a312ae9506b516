"""Score files: what they hold, what is missing in them, and how judged pictures are added.

Every value that is read lies in its judge's scale, where the judge declares one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from engine import judges
from engine.core.provenance import Identity
from engine.core.store import Store, read_records, write_records
from engine.core.types import Score
from engine.evaluate import score_recipes, summary
from engine.evaluate.judging import JudgedPicture
from engine.evaluate.planning import Row
from engine.evaluate.shown_pictures import ShownPictures

Key = tuple[str, int]
"""A picture's prompt and seed."""


class ScoreFiles:
    """What one model scored in one split before one judge, in memory and on disk."""

    def __init__(self, store: Store, model: str, table: str, recipe: Identity) -> None:
        """`table` names split and judge, "validation/<judge>"; the recipe decides the scores."""
        self.model, self.recipe = model, recipe
        self.path = store.scores(model, table)
        self.floor_path = store.scores(model, f"{table}.floor")
        self.recipe_path = store.scores(model, f"{table}.recipe").with_suffix(".json")
        self.pictures = ShownPictures(store.pictures(model), recipe)
        self.scores: dict[Key, Score] = {}
        self.floors: dict[Key, Score] = {}

    def lacks(self, row: Row) -> bool:
        """Whether a row has no score yet, no floor, or not the picture that was judged."""
        if row.key not in self.scores or self._lacks_floor(row):
            return True
        return row.is_shown and not self.pictures.has(row)

    def add(self, judged: Sequence[JudgedPicture], files: Mapping[Row, Path]) -> None:
        """Write the pictures to show, then the floors, then the scores: these stand for the rest.

        `files` says where each row's picture lies. What was scored before stays as it was.
        """
        to_show = {}
        for one in judged:
            if one.row.is_shown and not self.pictures.has(one.row):
                to_show[one.row] = files[one.row]
            self.scores.setdefault(one.row.key, one.score)
            if one.floor:
                self.floors.setdefault(one.floor.key, one.floor)
        self.pictures.add(to_show)
        if self.floors:
            write_records(self.floor_path, self.floors.values())
        write_records(self.path, self.scores.values())

    def mean(self) -> float | None:
        """Over skills, so far; None where nothing could be scored."""
        return summary.macro(summary.per_prompt(self.scores.values()))

    def mean_text(self) -> str:
        """The mean for people, with how many pictures it is of where that is not all of them."""
        if not self.scores:
            return "not judged yet"
        mean = self.mean()
        if mean is None:
            return "unscored"
        values = [score.value for score in self.scores.values()]
        scored = len(values) - values.count(None)
        part = "" if scored == len(values) else f" ({scored} of {len(values)})"
        return f"{mean:.3f}{part}"

    def is_other(self, may_replace: bool) -> bool:
        """Whether another recipe made what is there. Raises EngineError where it has to stay."""
        if not self.path.exists():
            return False
        return score_recipes.is_other(self.recipe_path, self.recipe, self.model, may_replace)

    def discard(self) -> None:
        """Remove the scores and the pictures they were about; those of other splits stay."""
        self.pictures.remove({score.prompt_id for score in read(self.path)})
        self.floor_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def load(self) -> None:
        """Read what is there, to go on with it, and record what decides it."""
        self.scores = _by_picture(read(self.path))
        self.floors = _by_picture(read(self.floor_path))
        score_recipes.write(self.recipe_path, self.recipe, goes_on=bool(self.scores))
        self.pictures.compare(self.scores.values())

    def _lacks_floor(self, row: Row) -> bool:
        if row.other is None:
            return False
        return (row.other.id, row.seed) not in self.floors


def opened(
    store: Store, table: str, recipes: Mapping[str, Identity], may_replace: bool
) -> dict[str, ScoreFiles]:
    """By model. What other settings made cannot stand beside new scores: it is removed.

    Raises EngineError where it may not be replaced; then nothing is removed.
    """
    files = {}
    for model, recipe in recipes.items():
        files[model] = ScoreFiles(store, model, table, recipe)
    replaced = [one for one in files.values() if one.is_other(may_replace)]
    for one in replaced:
        one.discard()
    for one in files.values():
        one.load()
    return files


def read(path: Path) -> list[Score]:
    """The scores of a file, none when there is no file.

    Raises EngineError for a line that no judge has written.
    """
    return read_records(path, Score, fault=_beyond_scale())


def _beyond_scale() -> Callable[[Score], str]:
    """What is wrong with a score's value, or ""; a judge that is not here may give any."""
    declared = cache(judges.declaration)

    def fault(score: Score) -> str:
        scale = declared(score.judge).scale
        if score.value is None or scale is None or scale[0] <= score.value <= scale[1]:
            return ""
        low, high = scale
        return f"value is {score.value:g}; {score.judge}'s lie between {low:g} and {high:g}"

    return fault


def _by_picture(scores: Iterable[Score]) -> dict[Key, Score]:
    return {score.key: score for score in scores}
