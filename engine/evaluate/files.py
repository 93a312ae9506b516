"""The score files of one evaluation: what is there, what is missing, and how a shard is added."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.core import imagefolder, picture_files, picture_folder, provenance
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.provenance import Identity, versions
from engine.core.store import (
    METADATA,
    Store,
    atomic,
    read_object,
    read_records,
    write_json,
    write_records,
)
from engine.core.types import Picture, Score
from engine.evaluate import Config, diversity, summary
from engine.evaluate import scores as score_files
from engine.evaluate.planning import PROMPTS_OF, Row
from engine.evaluate.warm_models import Judged
from engine.models.identity import recognised

Scores = dict[tuple[str, int], Score]
ROUNDING = 2
"""Of 255: how far apart two machines' paintings of one picture may be."""
STORY = "Pictures that were judged; metadata.jsonl has what they were to show."


class Files:
    """Scores by model and picture, in memory and on disk.

    Raises EngineError when other settings made a model's scores, unless they may be replaced: they
    cannot stand beside new ones.
    """

    def __init__(self, config: Config, store: Store, recipes: Mapping[str, Identity]) -> None:
        self.config, self.store = config, store
        self.scores: dict[str, Scores] = {}
        self.floors: dict[str, Scores] = {}
        replaced = {model for model, recipe in recipes.items() if self._is_other(model, recipe)}
        for model, recipe in recipes.items():
            if model in replaced:
                self._discard(model)
            self.scores[model] = _by_picture(score_files.read(self.path(model)))
            self.floors[model] = _by_picture(score_files.read(self.path(model, ".floor")))
            self._write_recipe(model, recipe)
        self._names = {model: self._read_names(model) for model in recipes}
        self.changed = {model: self._read_changed(model) for model in recipes}

    def path(self, model: str, suffix: str = "") -> Path:
        return self.store.scores(model, f"{self.config.split}/{self.config.judge}{suffix}")

    def lacks(self, row: Row) -> bool:
        """Whether a row has no score yet, no floor, or not the picture that was judged."""
        return (
            row.key not in self.scores[row.model]
            or self._lacks_floor(row)
            or (row.kept and not self._is_kept(row))
        )

    def _is_kept(self, row: Row) -> bool:
        """Whether the picture that was judged is there, with its line in metadata.jsonl."""
        known = row.key in self._names[row.model] and row.key not in self.changed[row.model]
        return known and self._picture(row).exists()

    def _lacks_floor(self, row: Row) -> bool:
        return row.other is not None and (row.other.id, row.seed) not in self.floors[row.model]

    def add(self, shard: Iterable[Judged]) -> None:
        """Write the pictures that are kept, then the floors, then the scores: these stand for the
        rest.
        """
        models: dict[str, list[Judged]] = defaultdict(list)
        for judged in shard:
            if self.lacks(judged.row):
                models[judged.row.model].append(judged)
        for model, new in models.items():
            self._keep_pictures(model, [judged for judged in new if judged.row.kept])
            unscored = [judged for judged in new if judged.row.key not in self.scores[model]]
            lacking = [judged for judged in new if self._lacks_floor(judged.row)]
            self.floors[model] |= _by_picture(judged.floor for judged in lacking if judged.floor)
            self.scores[model] |= _by_picture(judged.score for judged in unscored)
            if self.floors[model]:
                write_records(self.path(model, ".floor"), self.floors[model].values())
            write_records(self.path(model), self.scores[model].values())

    def means(self, models: Iterable[str]) -> dict[str, float | None]:
        """Mean over skills of every model so far; None where nothing could be scored."""
        return {
            model: summary.macro(summary.per_prompt(self.scores[model].values()))
            for model in sorted(models)
        }

    def progress(self, models: Iterable[str], done: int, total: int) -> Event:
        """How the models stand so far."""
        means = self.means(models)
        shown = (
            f"{model} {'unscored' if mean is None else f'{mean:.3f}'}"
            for model, mean in means.items()
        )
        return Event(f"Mean so far: {', '.join(shown)}.", done, total, data={"means": means})

    def _keep_pictures(self, model: str, judged: Sequence[Judged]) -> None:
        """PNGs with the `metadata.jsonl` of an imagefolder."""
        if not judged:
            return
        metadata = self.store.pictures(model) / METADATA
        records = {picture.file_name: picture for picture in read_records(metadata, Picture)}
        for row, image, *_ in judged:
            name = self._file_name(row)
            with atomic(self._picture(row)) as temporary:
                image.save(temporary)
            self.changed[model].discard(row.key)
            records[name] = Picture(
                name,
                row.prompt.id,
                row.prompt.text,
                row.seed,
                self.config.model,
                self.config.sampler,
                row.guidance,
                self.config.steps,
            )
        write_records(metadata, records.values())
        imagefolder.write_card(metadata.parent, STORY)
        self._names[model] = self._read_names(model)

    def _read_names(self, model: str) -> dict[tuple[str, int], str]:
        """The kept pictures' files, as they were called when they were painted."""
        records = read_records(self.store.pictures(model) / METADATA, Picture)
        return {(picture.prompt_id, picture.seed): picture.file_name for picture in records}

    def _read_changed(self, model: str) -> set[tuple[str, int]]:
        """Kept pictures that are not what was judged: the evidence holds their small likeness."""
        found = set()
        for key, name in self._names[model].items():
            file = picture_folder.inside(self.store.pictures(model), name)
            score = self.scores[model].get(key)
            if score and file.is_file() and not _is_like(file, score.evidence.get("pooled")):
                found.add(key)
        return found

    def _discard(self, model: str) -> None:
        """Remove a model's scores and the pictures they were about; those of other splits stay."""
        judged = {score.prompt_id for score in score_files.read(self.path(model))}
        metadata = self.store.pictures(model) / METADATA
        kept = read_records(metadata, Picture)
        if kept:
            write_records(
                metadata, [picture for picture in kept if picture.prompt_id not in judged]
            )
        for picture in kept:
            if picture.prompt_id in judged:
                picture_folder.inside(metadata.parent, picture.file_name).unlink(missing_ok=True)
        self.path(model, ".floor").unlink(missing_ok=True)
        self.path(model).unlink(missing_ok=True)

    def _picture(self, row: Row) -> Path:
        return self.store.pictures(row.model) / self._file_name(row)

    def _file_name(self, row: Row) -> str:
        known = self._names[row.model].get(row.key)
        return known or imagefolder.file_name(row.prompt.id, row.number)

    def _recipe_path(self, model: str) -> Path:
        return self.path(model, ".recipe").with_suffix(".json")

    def _write_recipe(self, model: str, recipe: dict[str, Any]) -> None:
        """What decides the scores; a skill that is asked for later is added."""
        path = self._recipe_path(model)
        made = {"recipe": {}, "versions": versions()}
        if self.scores[model]:
            made = read_object(path, recipe=dict)
        if not recipe.items() <= made["recipe"].items():
            write_json(path, {**made, "recipe": made["recipe"] | recipe})

    def _is_other(self, model: str, recipe: Identity) -> bool:
        """Whether the model's scores were made by another recipe and are to be replaced."""
        if not self.path(model).exists():
            return False
        made = self._made(model)
        if made is None:
            return True
        made = recognised(made, recipe)
        alone = {name for name in made.keys() ^ recipe.keys() if name.startswith(PROMPTS_OF)}
        for name in alone:
            made.pop(name, None)
            recipe = recipe.without(name)
        return not provenance.is_same(
            made,
            recipe,
            f"The scores of {model} were made with other settings",
            "Set them back, choose another run, or set replace to judge anew",
            self.config.replace,
        )

    def _made(self, model: str) -> dict[str, Any] | None:
        """How the scores were made; None where that is damaged or gone and they may be replaced."""
        path, remedy = self._recipe_path(model), "Set replace to judge anew"
        try:
            if not path.exists():
                raise EngineError(
                    f"{path} is missing, and nobody knows how the scores of {model} "
                    f"were made. {remedy}."
                )
            return provenance.read(path, remedy)
        except EngineError:
            if not self.config.replace:
                raise
            return None


def _is_like(file: Path, pooled: str | None) -> bool:
    """Whether a file still shows what was judged, but for the rounding of another machine."""
    if not pooled:
        return True
    try:
        shown = diversity.pooled(picture_files.read(file))
        now, then = base64.b64decode(shown), base64.b64decode(pooled)
    except (EngineError, ValueError):
        return False
    if len(now) != len(then):
        return False
    return all(abs(a - b) <= ROUNDING for a, b in zip(now, then, strict=True))


def _by_picture(scores: Iterable[Score]) -> Scores:
    return {(score.prompt_id, score.seed): score for score in scores}
