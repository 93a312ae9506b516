"""Score models: the same prompts and the same seeds for each, a picture at a time, by one judge.

An arm is a name for a mixture of experts; no experts is the base. Each arm at each guidance scale
has its files:

    scores/<arm>@<guidance>/<split>/<judge>.jsonl          a Score a picture, with the judge's
    evidence scores/<arm>@<guidance>/<split>/<judge>.floor.jsonl    the same pictures judged by
    another prompt of the skill scores/<arm>@<guidance>/<split>/<judge>.recipe.json    what decides
    them scores/<arm>@<guidance>/pictures/                      the first pictures of every skill,
    an `imagefolder` scores/ceiling/<split>/<judge>.jsonl                   drawn scenes
    after a VAE round trip
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from engine import worlds
from engine.core.events import Event
from engine.core.store import Store

if TYPE_CHECKING:
    from engine.models.ensemble import Ensemble


@dataclass(frozen=True)
class Config:
    """What to compare, on which prompts, and how it is painted and judged."""

    models: dict[str, dict[str, float]] = field(
        default_factory=lambda: {"base": {}},
        metadata={
            "help": "Arms by name, each with its experts' weights; none is the base",
            "grows": True,
            "recorded": "weights and hashes, a folder each",
        },
    )
    model: str = field(
        default=worlds.usual_base(),
        metadata={"help": "The base: a name that ships, a folder or a Hub id"},
    )
    revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit on the Hub"}
    )
    judge: str = field(default=worlds.usual_judge(), metadata={"help": "Who scores"})
    judge_options: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "The judge's own options", "recorded": "as the judge's"},
    )
    split: Literal["validation", "test"] = field(
        default="validation",
        metadata={"help": "Settings are chosen on validation; test is only reported"},
    )
    skills: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Prompts of these skills; none: the world's own, or all in the prompts file",
            "grows": True,
            "recorded": "as the hash of each skill's prompts",
        },
    )
    prompts: str = field(
        default="",
        metadata={
            "help": "A file of prompts of another world: JSON lines (id, skill, text), CSV, or a "
            "text a line; empty: the world's frozen ones",
            "recorded": "as the hash of each skill's prompts",
        },
    )
    prompts_per_skill: int = field(
        default=100,
        metadata={
            "help": "The first of each skill",
            "range": (1, 10_000),
            "most_in_app": 2_000,
            "recorded": "a score each",
        },
    )
    pictures_per_prompt: int = field(
        default=1,
        metadata={
            "help": "Two or more show diversity",
            "range": (1, 100),
            "most_in_app": 16,
            "recorded": "a score each",
        },
    )
    guidances: tuple[float, ...] = field(
        default=(1.0, 2.0, 3.5, 5.0),
        metadata={"help": "Guidance scales", "grows": True, "recorded": "a folder each"},
    )
    own_guidance: dict[str, float] = field(
        default_factory=dict,
        metadata={
            "help": "Arms that are painted at one guidance scale of their own instead",
            "grows": True,
            "recorded": "a folder each",
        },
    )
    steps: int = field(
        default=20,
        metadata={"help": "Denoising steps a picture", "range": (1, 1000), "most_in_app": 250},
    )
    sampler: Literal["dpmsolver++", "ddim", "euler", "default"] = field(
        default="dpmsolver++", metadata={"help": "default is the one the model came with"}
    )
    seed: int = field(
        default=0, metadata={"help": "Decides every picture's seed, the same for all arms"}
    )
    batch_size: int = field(
        default=32,
        metadata={
            "help": "Pictures painted at once",
            "range": (1, 1024),
            "decides": False,
            "why": "it changes pictures by 1/255 at most",
        },
    )
    keep_pictures: int = field(
        default=4,
        metadata={
            "help": "Prompts of each skill whose first picture is kept as PNG",
            "range": (0, 10_000),
            "decides": False,
            "why": "it changes no score; pictures that are missing are painted again",
        },
    )
    floor: bool = field(
        default=True,
        metadata={
            "help": "Judge every picture by a wrong prompt, too",
            "recorded": "a file of its own",
        },
    )
    ceiling: bool = field(
        default=True,
        metadata={
            "help": "Judge drawn scenes after a VAE round trip (a world's own prompts only)",
            "recorded": "a folder of its own",
        },
    )
    replace: bool = field(
        default=False,
        metadata={
            "help": "Judge anew what other settings judged",
            "decides": False,
            "why": "what to do with older work",
        },
    )


def run(config: Config, store: Store, ensemble: "Ensemble | None" = None) -> Iterator[Event]:
    """Paint and judge what is missing, a shard at a time. Raises EngineError, naming the remedy.

    Callers that evaluate again and again keep one `ensemble` of `config.model` and all experts
    warm; the judge is made anew each time.
    """
    check(config)
    from engine.evaluate import ceiling, planning
    from engine.evaluate.files import Files
    from engine.evaluate.warm_models import Bench

    rows = planning.rows(config)
    bench = Bench(config, store, ensemble)
    files = Files(config, store, bench.recipes(rows))
    done = len(rows) - sum(map(files.lacks, rows))
    if changed := sum(map(len, files.changed.values())):
        told = f"{changed} kept pictures are not those that were judged; they are painted again."
        yield Event(told, done, len(rows))
    for shard in planning.shards(rows, config.batch_size):
        if not (wanted := [row for row in shard if files.lacks(row)]):
            continue
        files.add(
            [bench.judged(row, image) for row, image in zip(shard, bench.paint(shard), strict=True)]
        )
        done += len(wanted)
        yield files.progress({row.model for row in wanted}, done, len(rows))
    if config.ceiling and not config.prompts and planning.world_of(config).HAS_CEILING:
        yield from ceiling.run(config, store, bench)
    means = files.means({row.model for row in rows})
    yield Event(
        f"Judged {len(rows)} pictures of {len(means)} models.",
        len(rows),
        len(rows),
        "done",
        {"means": means},
    )


def check(config: Config) -> None:
    """Raises EngineError for arms, prompts, a base and a judge that make no sense."""
    from engine.evaluate import planning

    planning.check(config)
