"""The most a painter could score: scenes drawn for the prompts, through its VAE and back, before
the same judge.
"""

from collections.abc import Iterator, Sequence

from PIL import Image

from engine.core.events import Event
from engine.core.hashing import derived_seed
from engine.core.store import Store
from engine.evaluate import Config, prompt_sets, score_recipes
from engine.evaluate.passes import Passes, Tools
from engine.evaluate.picture_cache import PictureCache
from engine.evaluate.planning import CEILING, Row
from engine.evaluate.score_files import ScoreFiles
from engine.evaluate.warm_models import WarmModels


def run(config: Config, store: Store, cache: PictureCache, warm: WarmModels) -> Iterator[Event]:
    """Judge one scene a prompt; what is judged already stays.

    The scenes are the same whatever the evaluation's seed: no painter's noise is in them.
    """
    prompts = prompt_sets.to_paint(config, prompt_sets.prompts_of(config))
    rows = []
    for prompt in prompts:
        seed = derived_seed(0, CEILING, prompt.id)
        rows.append(Row(CEILING, CEILING, 0.0, prompt, None, number=0, seed=seed, is_shown=False))
    recipes = {CEILING: score_recipes.of_ceiling(config, warm.ensemble)}
    files = ScoreFiles(config, store, recipes)

    world = prompt_sets.world_of(config)

    def draw(shard: Sequence[Row]) -> list[Image.Image]:
        scenes = [world.draw(row.prompt.text, row.seed) for row in shard]
        return warm.painter.round_trip(scenes)

    tools = Tools(draw, warm.load_judge, cache)
    yield from Passes(rows, recipes, files, tools).run(config.batch_size)
