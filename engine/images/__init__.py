"""Stage 2: the model paints every prompt.

Latents and embeddings are kept, so that training never encodes again. As in
[SELMA](https://arxiv.org/abs/2403.06952) one picture per prompt and nothing filtered; with another
model than the one to be trained it is its weak-to-strong setting. Keeping the best of several by a
judge ([DreamSync](https://arxiv.org/abs/2311.17946)) is an option, off at first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import judges
from engine.core import imagefolder, names, plugins, prompt_files, provenance
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.hashing import file_hash
from engine.core.options import option
from engine.core.provenance import Identity
from engine.core.store import Store
from engine.images.shards import Shard, plan
from engine.images.shelf import STORY, Shelf
from engine.models import checkpoints
from engine.models.identity import recognised
from engine.option_groups import BaseModel, OptionalJudging, Painting

if TYPE_CHECKING:
    from engine.images.painting import Studio


@dataclass(frozen=True)
class Config(Painting, OptionalJudging, BaseModel):
    skills: tuple[str, ...] = option(
        help="Skills whose prompts are painted", grows=True, recorded="a folder each"
    )
    _: KW_ONLY
    seed: int = option(0, "Another seed, other pictures", range=(0, 2**31 - 1))
    pictures_per_prompt: int = option(1, "SELMA: 1", range=(1, 100), most_in_app=16)
    best_of: int = option(1, "Paint so many and keep the judge's choice", range=(1, 64))
    batch_size: int = option(
        32,
        "Pictures painted at once",
        range=(1, 256),
        decides=False,
        why="it changes pictures by 1/255 at most, and may differ between shards",
    )
    encode_for: str = option(
        "", "The model to be trained, if another one paints: latents and embeddings are made for it"
    )
    replace: bool = option(
        False,
        "Paint anew what other settings painted, and what people edited",
        decides=False,
        why="what to do with older work",
    )


RECIPE = "recipe.json"
REMEDY = "Set them back, choose another run, or set replace to paint them anew"


def run(config: Config, store: Store) -> Iterator[Event]:
    """Paint images/<skill>/NNNNN.png with metadata.jsonl and latents.safetensors, shard by shard.

    `latents` (n, c, h, w) scaled as the network sees them, `embeddings` (n, tokens, dim),
    `empty_embedding` (1, tokens, dim), for SDXL `pooled`, `empty_pooled` and `time_ids`. Raises
    EngineError for missing prompts, models and judges, and for pictures of other settings.
    """
    check(config)
    identity = _recipe(config)
    plans = {skill: _plan(config, store, skill, identity) for skill in config.skills}
    total = sum(_pictures(shards) for shards in plans.values())
    done, notes = 0, ""
    studio: Studio | None = None
    for skill, shards in plans.items():
        shelf = _shelf(config, store, skill, identity)
        shelf.check(shards, skill)
        if edits := shelf.curated_folder.summary():
            notes += f" {skill}, by hand: {edits}."
        for shard in shards:
            if not shelf.has(shard):
                studio = studio or _open_studio(config)
                for painted in studio.paint(shard, shelf):
                    yield _progress(skill, done + painted, total)
            done += len(shard.items)
            data = {"skill": skill, "files": shelf.files(shard)}
            yield replace(_progress(skill, done, total), data=data)
        if not shelf.is_joined(shards):
            prompts = {"prompts' sha256": file_hash(store.prompts(skill))}
            shelf.join(shards, {**identity, **prompts})
    imagefolder.write_card(store.folder / "images", STORY)
    if studio and studio.unread:
        notes = (
            f" Texts the judge could not read: {studio.unread}; their first picture was kept."
            + notes
        )
    skills = ", ".join(config.skills)
    yield Event(f"{total} pictures for {skills}.{notes}", done, total, "done")


def _open_studio(config: Config) -> "Studio":
    from engine.images.painting import Studio  # which needs torch

    return Studio(config)


def _pictures(shards: Sequence[Shard]) -> int:
    return sum(len(shard.items) for shard in shards)


def _progress(skill: str, done: int, total: int) -> Event:
    return Event(f"{skill}: {done} of {total} pictures", done, total)


def check(config: Config) -> None:
    """Raises EngineError for skills, models and judges that can be none."""
    if not config.skills:
        raise EngineError("There is nothing to paint. Write prompts first, then name their skills.")
    for skill in config.skills:
        names.check_file(skill, "a skill")
    config.check_base()
    if config.encode_for:
        checkpoints.check_base(config.encode_for)
    if config.best_of > 1 and not config.judge:
        raise EngineError(
            f"To keep the best of {config.best_of}, name a judge: "
            f"{', '.join(plugins.offered(judges))}."
        )
    config.check_judge()


def _recipe(config: Config) -> Identity:
    """What decides the pictures. A judge without a choice decides nothing."""
    painter = checkpoints.pipeline_folder(config.model, config.revision)
    parents = {"model's sha256": checkpoints.fingerprint(painter), "student's sha256": ""}
    if config.encode_for:
        student = checkpoints.pipeline_folder(config.encode_for)
        parents["student's sha256"] = checkpoints.fingerprint(student)
    choosing = {"best_of", *provenance.names(OptionalJudging)}
    return provenance.identity(config, parents, without=() if config.best_of > 1 else choosing)


def _plan(config: Config, store: Store, skill: str, identity: Identity) -> list[Shard]:
    prompts = prompt_files.read(store.prompts(skill))
    if not prompts:
        raise EngineError(
            f"There are no prompts for {skill!r} in {store.folder}. Write them first: stage "
            "prompts."
        )
    recipe = _as_recorded(store.images(skill) / RECIPE, identity)
    return plan(prompts, config.pictures_per_prompt, config.best_of, config.seed, recipe)


def _as_recorded(path: Path, identity: Identity) -> dict[str, Any]:
    """The same identity as a folder's recipe has it, where that means the same: it finds shards."""
    if not path.exists():
        return identity
    made = provenance.read(path)
    is_same = not provenance.difference(recognised(made, identity), identity)
    return made if is_same else identity


def _shelf(config: Config, store: Store, skill: str, identity: Identity) -> Shelf:
    """The folder's finished shards, once it is sure that they were painted by these settings."""
    folder = store.images(skill)
    path = folder / RECIPE
    made = recognised(provenance.read(path), identity) if path.exists() else identity
    complaint = f"The pictures for {skill} were painted with other settings"
    if not provenance.is_same(made, identity, complaint, REMEDY, config.replace):
        Shelf(folder).clear()
    if not path.exists():
        provenance.write(path, identity)
    return Shelf(folder, config.replace)
