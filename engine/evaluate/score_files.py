"""Score files: what they hold, what is missing in them, and how judged pictures are added.

Every value that is read lies in its judge's scale, where the judge declares one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from engine import judges
from engine.core.provenance import Identity
from engine.core.store import Store, read_records, write_records
from engine.core.types import Score
from engine.evaluate import Config, score_recipes, summary
from engine.evaluate.judging import JudgedPicture
from engine.evaluate.planning import Row
from engine.evaluate.shown_pictures import ShownPictures

Key = tuple[str, int]
"""A picture's prompt and seed."""


class ScoreFiles:
    """Scores by model and picture, in memory and on disk.

    Raises EngineError when other settings made a model's scores, unless they may be replaced: they
    cannot stand beside new ones.
    """

    def __init__(self, config: Config, store: Store, recipes: Mapping[str, Identity]) -> None:
        self.config, self.store = config, store
        self.scores: dict[str, dict[Key, Score]] = {}
        self.floors: dict[str, dict[Key, Score]] = {}
        self.pictures: dict[str, ShownPictures] = {}
        for model in recipes:
            self.pictures[model] = ShownPictures(config, store, model)
        replaced = [model for model in recipes if self._is_other(model, recipes[model])]
        for model in replaced:
            self._discard(model)
        for model, recipe in recipes.items():
            self.scores[model] = _by_picture(read(self.path(model)))
            self.floors[model] = _by_picture(read(self.path(model, ".floor")))
            score_recipes.write(self._recipe_path(model), recipe, bool(self.scores[model]))
            self.pictures[model].compare(self.scores[model].values())

    def path(self, model: str, suffix: str = "") -> Path:
        return self.store.scores(model, f"{self.config.split}/{self.config.judge}{suffix}")

    @property
    def changed_count(self) -> int:
        """How many shown pictures are not those that were judged."""
        return sum(len(pictures.changed) for pictures in self.pictures.values())

    def lacks(self, row: Row) -> bool:
        """Whether a row has no score yet, no floor, or not the picture that was judged."""
        if row.key not in self.scores[row.model] or self._lacks_floor(row):
            return True
        return row.is_shown and not self.pictures[row.model].has(row)

    def _lacks_floor(self, row: Row) -> bool:
        if row.other is None:
            return False
        return (row.other.id, row.seed) not in self.floors[row.model]

    def add(self, judged: Sequence[JudgedPicture], files: Mapping[Row, Path]) -> None:
        """Write the pictures to show, then the floors, then the scores: these stand for the rest.

        `files` says where each row's picture lies.
        """
        by_model: dict[str, list[JudgedPicture]] = defaultdict(list)
        for one in judged:
            by_model[one.row.model].append(one)
        for model, of_model in by_model.items():
            pictures, to_show = self.pictures[model], {}
            for one in of_model:
                if one.row.is_shown and not pictures.has(one.row):
                    to_show[one.row] = files[one.row]
            pictures.add(to_show)
            self._write(model, of_model)

    def _write(self, model: str, judged: Sequence[JudgedPicture]) -> None:
        """What was scored before stays as it was."""
        scores, floors = self.scores[model], self.floors[model]
        for one in judged:
            scores.setdefault(one.row.key, one.score)
            if one.floor:
                floors.setdefault(one.floor.key, one.floor)
        if floors:
            write_records(self.path(model, ".floor"), floors.values())
        write_records(self.path(model), scores.values())

    def means(self, models: Iterable[str]) -> dict[str, float | None]:
        """Mean over skills of every model so far; None where nothing could be scored."""
        means = {}
        for model in sorted(models):
            prompts = summary.per_prompt(self.scores[model].values())
            means[model] = summary.macro(prompts)
        return means

    def _discard(self, model: str) -> None:
        """Remove a model's scores and the pictures they were about; those of other splits stay."""
        judged = {score.prompt_id for score in read(self.path(model))}
        self.pictures[model].remove(judged)
        self.path(model, ".floor").unlink(missing_ok=True)
        self.path(model).unlink(missing_ok=True)

    def _recipe_path(self, model: str) -> Path:
        return self.path(model, ".recipe").with_suffix(".json")

    def _is_other(self, model: str, recipe: Identity) -> bool:
        """Whether the model's scores were made by another recipe and are to be replaced."""
        if not self.path(model).exists():
            return False
        path, may_replace = self._recipe_path(model), self.config.replace
        return score_recipes.is_other(path, recipe, model, may_replace)


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
