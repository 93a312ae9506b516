"""Score models: each paints the same prompts from the same seeds, and a judge reads the pictures.

An arm is a name for a mixture of experts; no experts is the base. Painting and judging are two
passes: pictures are painted once and kept, so that another judge only judges. Each arm at each
guidance scale has its files in `scores/<arm>@<guidance>/`:

    <split>/<judge>.jsonl          a Score a picture, with the judge's evidence
    <split>/<judge>.floor.jsonl    the same pictures judged by another prompt of the skill
    <split>/<judge>.recipe.json    what decides them
    pictures/                      the first pictures of every skill, to look at and to vote on

Beside these, `scores/ceiling/` has the scores of drawn scenes after a VAE round trip, and
`painted/` every picture, as far as `picture_budget_mb` reaches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.core.events import Event
from engine.core.options import option
from engine.core.store import Store
from engine.option_groups import BaseModel, Judging, Sampling

if TYPE_CHECKING:
    from engine.models.ensemble import Ensemble


@dataclass(frozen=True)
class Config(Sampling, Judging, BaseModel):
    """What to compare, on which prompts, and how it is painted and judged."""

    models: dict[str, dict[str, float]] = option(
        factory=lambda: {"base": {}},
        help="Arms by name, each with its experts' weights; none is the base",
        grows=True,
        recorded="weights and hashes, a folder each",
    )
    judge_options: dict[str, Any] = option(
        factory=dict,
        help="The judge's own options",
        kw_only=True,
        recorded="as the judge's",
    )
    split: Literal["validation", "test"] = option(
        "validation", "Settings are chosen on validation; test is only reported"
    )
    skills: tuple[str, ...] = option(
        (),
        "Prompts of these skills; none: the world's own, or all in the prompts file",
        grows=True,
        recorded="as the hash of each skill's prompts",
    )
    prompts: str = option(
        "",
        "A file of prompts of another world: JSON lines (id, skill, text), CSV, or a "
        "text a line; empty: the world's frozen ones",
        recorded="as the hash of each skill's prompts",
    )
    prompts_per_skill: int = option(
        100,
        "The first of each skill",
        range=(1, 10_000),
        most_in_app=2_000,
        recorded="a score each",
    )
    pictures_per_prompt: int = option(
        1, "Two or more show diversity", range=(1, 100), most_in_app=16, recorded="a score each"
    )
    guidances: tuple[float, ...] = option(
        (1.0, 2.0, 3.5, 5.0), "Guidance scales", grows=True, recorded="a folder each"
    )
    own_guidance: dict[str, float] = option(
        factory=dict,
        help="Arms that are painted at one guidance scale of their own instead",
        grows=True,
        recorded="a folder each",
    )
    seed: int = option(0, "Decides every picture's seed, the same for all arms")
    batch_size: int = option(
        32,
        "Pictures painted at once",
        range=(1, 1024),
        decides=False,
        why="it changes pictures by 1/255 at most",
    )
    keep_pictures: int = option(
        4,
        "Prompts of each skill whose first picture is kept as PNG",
        range=(0, 10_000),
        decides=False,
        why="it changes no score; pictures that are missing are painted again",
    )
    picture_budget_mb: int = option(
        256,
        "Painted pictures that a run keeps for other judges, oldest thrown away first",
        range=(0, 1_000_000),
        decides=False,
        why="what is missing is painted again from its own seed",
    )
    floor: bool = option(
        True, "Judge every picture by a wrong prompt, too", recorded="a file of its own"
    )
    ceiling: bool = option(
        True,
        "Judge drawn scenes after a VAE round trip (a world's own prompts only)",
        recorded="a folder of its own",
    )
    replace: bool = option(
        False,
        "Judge anew what other settings judged",
        decides=False,
        why="what to do with older work",
    )


def run(config: Config, store: Store, ensemble: "Ensemble | None" = None) -> Iterator[Event]:
    """Paint and judge what is missing, in turns. Raises EngineError, naming the remedy.

    Callers that evaluate again and again keep one `ensemble` of `config.model` and all experts
    warm; the judge is made anew each time.
    """
    check(config)
    from engine.evaluate import ceiling, planning, prompt_sets, score_recipes
    from engine.evaluate.passes import Passes, Tools
    from engine.evaluate.picture_cache import PictureCache
    from engine.evaluate.score_files import ScoreFiles
    from engine.evaluate.warm_models import WarmModels

    rows = planning.rows(config)
    warm = WarmModels(config, store, ensemble)
    recipes = score_recipes.of_models(config, rows, warm.ensemble)
    files = ScoreFiles(config, store, recipes)
    cache = PictureCache(store, config.picture_budget_mb)
    passes = Passes(rows, recipes, files, Tools(warm.paint, warm.load_judge, cache))
    if files.changed_count:
        count = files.changed_count
        text = f"{count} kept pictures are not those that were judged; they are made again."
        yield Event(text, passes.done, len(rows))
    yield from passes.run(config.batch_size)
    if config.ceiling and not config.prompts and prompt_sets.world_of(config).HAS_CEILING:
        yield from ceiling.run(config, store, cache, warm)
    means = files.means(recipes)
    text = f"Judged {len(rows)} pictures of {len(means)} models."
    yield Event(text, len(rows), len(rows), "done", {"means": means})


def check(config: Config) -> None:
    """Raises EngineError for arms, prompts, a base and a judge that make no sense."""
    from engine.evaluate import checks

    checks.check(config)
