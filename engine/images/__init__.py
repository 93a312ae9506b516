"""Stage 2: the model paints every prompt, and keeps latents and embeddings so that training never
encodes again.

As in [SELMA](https://arxiv.org/abs/2403.06952) one picture a prompt and nothing filtered; with
another model than the one to be trained it is its weak-to-strong setting. Keeping the best of
several by a judge ([DreamSync](https://arxiv.org/abs/2311.17946)) is an option, off at first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine import judges, worlds
from engine.core import imagefolder, names, plugins, prompt_files, provenance, recipe
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store, read_object, write_json
from engine.images.shards import STORY, Shard, Shelf, plan
from engine.models import checkpoints
from engine.models.identity import recognised


@dataclass(frozen=True)
class Config:
    skills: tuple[str, ...] = field(
        metadata={
            "help": "Skills whose prompts are painted",
            "grows": True,
            "recorded": "a folder each",
        }
    )
    model: str = field(
        default=worlds.usual_base(),
        metadata={"help": "Who paints: a name that ships, a folder or a Hub id"},
    )
    revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit on the Hub"}
    )
    guidance: float = field(
        default=3.5, metadata={"help": "Guidance scale; 1 is none", "range": (0.0, 30.0)}
    )
    steps: int = field(
        default=20, metadata={"help": "Denoising steps", "range": (1, 1000), "most_in_app": 250}
    )
    sampler: Literal["dpmsolver++", "ddim", "euler", "default"] = field(
        default="dpmsolver++", metadata={"help": "default is the one the model came with"}
    )
    seed: int = field(
        default=0, metadata={"help": "Another seed, other pictures", "range": (0, 2**31 - 1)}
    )
    pictures_per_prompt: int = field(
        default=1, metadata={"help": "SELMA: 1", "range": (1, 100), "most_in_app": 16}
    )
    best_of: int = field(
        default=1, metadata={"help": "Paint so many and keep the judge's choice", "range": (1, 64)}
    )
    judge: str = field(default="", metadata={"help": "Who chooses; a file of engine/judges"})
    judge_options: dict[str, Any] = field(default_factory=dict)
    batch_size: int = field(
        default=32,
        metadata={
            "help": "Pictures painted at once",
            "range": (1, 256),
            "decides": False,
            "why": "it changes pictures by 1/255 at most, and may differ between shards",
        },
    )
    encode_for: str = field(
        default="",
        metadata={
            "help": "The model to be trained, if another one paints: latents and embeddings are made for it"
        },
    )
    replace: bool = field(
        default=False,
        metadata={
            "help": "Paint anew what other settings painted, and what people edited",
            "decides": False,
            "why": "what to do with older work",
        },
    )


ALWAYS = (
    "model",
    "revision",
    "encode_for",
    "guidance",
    "steps",
    "sampler",
    "seed",
    "pictures_per_prompt",
)
CHOICE = ("best_of", "judge", "judge_options")
"""What records hold even at its default (engine.core.provenance); `CHOICE` among several only."""


def run(config: Config, store: Store) -> Iterator[Event]:
    """Paint images/<skill>/NNNNN.png with metadata.jsonl and latents.safetensors, shard by shard.

    `latents` (n, c, h, w) scaled as the UNet sees them, `embeddings` (n, tokens, dim),
    `empty_embedding` (1, tokens, dim), for SDXL `pooled`, `empty_pooled` and `time_ids`. Raises
    EngineError for missing prompts, models and judges, and for pictures of other settings.
    """
    check(config)
    identity = _recipe(config)
    plans = {skill: _plan(config, store, skill, identity) for skill in config.skills}
    total, done, studio = sum(len(s.items) for shards in plans.values() for s in shards), 0, None
    by_hand = ""
    for skill, shards in plans.items():
        shelf = _shelf(config, store, skill, identity)
        shelf.check(shards, skill)
        by_hand += f" {skill}, by hand: {edits}." if (edits := shelf.curated.told()) else ""
        for shard in shards:
            if not shelf.has(shard):
                from engine.images.painting import Studio

                studio = studio or Studio(config)
                for painted in studio.paint(shard, shelf):
                    yield Event(
                        f"{skill}: {done + painted} of {total} pictures", done + painted, total
                    )
            done += len(shard.items)
            files = [
                str(file)
                for item in shard.items
                if (file := shelf.folder / item.file_name).exists()
            ]
            yield Event(
                f"{skill}: {done} of {total} pictures",
                done,
                total,
                data={"skill": skill, "files": files},
            )
        if not shelf.is_joined(shards):
            shelf.join(
                shards, identity | {"prompts' sha256": recipe.file_hash(store.prompts(skill))}
            )
    imagefolder.write_card(store.folder / "images", STORY)
    unread = (
        f" Texts the judge could not read: {studio.unread}; their first picture was kept."
        if studio and studio.unread
        else ""
    )
    yield Event(
        f"{total} pictures for {', '.join(config.skills)}.{unread}{by_hand}", done, total, "done"
    )


def check(config: Config) -> None:
    """Raises EngineError for skills, models and judges that can be none."""
    if not config.skills:
        raise EngineError("There is nothing to paint. Write prompts first, then name their skills.")
    for skill in config.skills:
        names.check_file(skill, "a skill")
    for model in (config.model, config.encode_for or config.model):
        checkpoints.check_base(model)
    if config.best_of > 1 and not config.judge:
        raise EngineError(
            f"To keep the best of {config.best_of}, name a judge: "
            f"{', '.join(plugins.names(judges))}."
        )
    if config.judge_options and not config.judge:
        raise EngineError("There are judge_options and no judge. Name it, or leave them out.")
    if config.judge:
        plugin = plugins.load(judges, config.judge)
        build(plugin.Config, config.judge_options, where=f"options of the judge {config.judge}")


def _recipe(config: Config) -> dict[str, Any]:
    """What decides the pictures. A judge without a choice decides nothing."""
    chooses = config.best_of > 1
    options = provenance.deciding(
        config, (*ALWAYS, *CHOICE * chooses), without=CHOICE * (not chooses)
    )
    weights = checkpoints.fingerprint(checkpoints.pipeline_folder(config.model, config.revision))
    student = config.encode_for and checkpoints.fingerprint(
        checkpoints.pipeline_folder(config.encode_for)
    )
    return {**options, "model's sha256": weights, "student's sha256": student}


def _plan(config: Config, store: Store, skill: str, identity: dict[str, Any]) -> list[Shard]:
    prompts = prompt_files.read(store.prompts(skill))
    if not prompts:
        raise EngineError(
            f"There are no prompts for {skill!r} in {store.folder}. Write them first: stage "
            "prompts."
        )
    told = _as_told(store.images(skill) / "recipe.json", identity)
    return plan(prompts, config.pictures_per_prompt, config.best_of, config.seed, told)


def _as_told(path: Path, identity: dict[str, Any]) -> dict[str, Any]:
    """The same identity as a folder's recipe has it, where that means the same: it finds shards."""
    made = read_object(path, recipe=dict)["recipe"] if path.exists() else identity
    return identity if recipe.difference(recognised(made, identity), identity) else made


def _shelf(config: Config, store: Store, skill: str, identity: dict[str, Any]) -> Shelf:
    """The folder's finished shards, once it is sure that they were painted by these settings."""
    folder = store.images(skill)
    path = folder / "recipe.json"
    made = (
        recognised(read_object(path, recipe=dict)["recipe"], identity)
        if path.exists()
        else identity
    )
    if changed := recipe.difference(made, identity):
        if not config.replace:
            raise EngineError(
                f"The pictures for {skill} were painted with other settings ({changed}). Set them "
                "back, "
                "choose another run, or set replace to paint them anew."
            )
        Shelf(folder).clear()
    if not path.exists():
        write_json(path, {"recipe": identity, "versions": recipe.versions()})
    return Shelf(folder, config.replace)
