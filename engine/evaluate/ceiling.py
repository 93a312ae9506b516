"""The most a painter could score: scenes drawn for the prompts, through its VAE and back, before
the same judge.
"""

from collections.abc import Iterator

from engine.core.events import Event
from engine.core.recipe import derived_seed
from engine.core.store import Store
from engine.evaluate import Config, planning
from engine.evaluate.files import Files
from engine.evaluate.planning import CEILING, Row
from engine.evaluate.warm_models import Bench


def run(config: Config, store: Store, bench: Bench) -> Iterator[Event]:
    """Judge one scene a prompt, a batch at a time; what is judged already stays.

    The scenes are the same whatever the evaluation's seed: no painter's noise is in them.
    """
    rows = [
        Row(CEILING, CEILING, 0.0, prompt, None, 0, derived_seed(0, CEILING, prompt.id), kept=False)
        for of_skill in planning.prompts_of(config).values()
        for prompt in of_skill[: config.prompts_per_skill]
    ]
    world = planning.world_of(config)
    files = Files(
        config,
        store,
        {CEILING: {name: value for name, value in bench.recipe.items() if name != "seed"}},
    )
    for shard in planning.shards(rows, config.batch_size):
        if any(map(files.lacks, shard)):
            scenes = [world.draw(row.prompt.text, row.seed) for row in shard]
            images = bench.painter.round_trip(scenes)
            files.add([bench.judged(row, image) for row, image in zip(shard, images, strict=True)])
            yield files.progress([CEILING], len(rows) - sum(map(files.lacks, rows)), len(rows))
