"""The control's pictures: drawn scenes with captions as noisy as those that the base was trained
on.

An expert that learns from them gets the same number of steps on nothing new: what it gains is not
SELMA's.
"""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store, atomic, write_records
from engine.core.types import Picture, Prompt
from engine.images import shards
from engine.images.painting import text_tensors
from engine.images.shards import Shard
from engine.images.shelf import Shelf
from engine.models import diffusion
from engine.models.autoencoder import to_pixels
from engine.models.diffusion import Painter
from engine.recipes import Recipe
from engine.storybook import WORLD, captions
from engine.storybook.scenes import paint

SKILL = "noisy"
FIRST_SEED = 1_000_000
"""Far from the seeds that the base's own data were drawn with."""


def draw(recipe: Recipe, folder: Path, count: int) -> Generator[Event, None, None]:
    """Write prompts/noisy.jsonl and images/noisy/, as the images stage would have. Once."""
    if not recipe.experts:
        raise EngineError("A line with noisy scenes needs [experts], to learn from them.")
    store, seed = Store(folder), recipe.experts.seed
    drawn = [captioned(seed, i) for i in range(count)]
    prompts = [
        Prompt(f"{SKILL}-{i:05d}", SKILL, text, "pre-training") for i, (_, text) in enumerate(drawn)
    ]
    identity = {"model": recipe.experts.model, "drawn": WORLD, "seed": seed}
    planned, shelf = shards.plan(prompts, 1, 1, seed, identity), Shelf(store.images(SKILL))
    if shelf.is_joined(planned):
        return
    painter = diffusion.load(recipe.experts.model, recipe.experts.revision)
    write_records(store.prompts(SKILL), prompts)
    for shard in planned:
        if not shelf.has(shard):
            _put(shard, shelf, [drawn[item.index][0] for item in shard.items], painter)
        done = shard.items[-1].index + 1
        yield Event(f"{SKILL}: {done} of {count} scenes", done, count)
    shelf.join(planned, {**identity, "model's sha256": painter.fingerprint})


def captioned(seed: int, number: int) -> tuple[Image.Image, str]:
    """A scene of the pre-training distribution and one noisy caption of it."""
    rng = np.random.default_rng((FIRST_SEED, seed, number))
    scene, graph = captions.sample(rng)
    return Image.fromarray(paint(scene)), captions.caption(graph, rng)


def _put(shard: Shard, shelf: Shelf, images: Sequence[Image.Image], painter: Painter) -> None:
    records = []
    for item, image in zip(shard.items, images, strict=True):
        if not shelf.keeps(item):
            with atomic(shelf.folder / item.file_name) as temporary:
                image.save(temporary)
        records.append(
            Picture(
                item.file_name,
                item.prompt.id,
                item.prompt.text,
                item.seeds[0],
                WORLD,
                "drawn",
                1.0,
                0,
            )
        )
    latents = painter.encode(to_pixels(images, painter.size_pixels)).cpu()
    texts = [item.prompt.text for item in shard.items]
    shelf.put(shard, {"latents": latents, **text_tensors(painter, texts)}, records)
