"""The control's pictures: drawn scenes with captions as noisy as those that the base was trained
on.

An expert that learns from them gets the same number of steps on nothing new: what it gains is not
SELMA's.
"""

from collections.abc import Generator, Sequence
from pathlib import Path

from PIL import Image

from engine import worlds
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store, atomic, write_records
from engine.core.types import Picture, Prompt
from engine.images import shards
from engine.images.painting import text_tensors
from engine.images.shards import Shard
from engine.images.shelf import Shelf
from engine.models import diffusion, encoders
from engine.models.autoencoder import to_pixels
from engine.models.diffusion import Painter
from engine.recipes import Recipe
from engine.worlds import World

SKILL = "noisy"


def draw(recipe: Recipe, folder: Path, count: int) -> Generator[Event, None, None]:
    """Write prompts/noisy.jsonl and images/noisy/, as the images stage would have. Once."""
    if not recipe.experts:
        raise EngineError("A line with noisy scenes needs [experts], to learn from them.")
    store, seed = Store(folder), recipe.experts.seed
    world = world_of(recipe)
    drawn = [world.pretraining_pair(seed, i) for i in range(count)]
    prompts = [
        Prompt(f"{SKILL}-{i:05d}", SKILL, text, "pre-training") for i, (_, text) in enumerate(drawn)
    ]
    model, revision, encoder = recipe.experts.base
    identity = {"model": model, "drawn": world.VERSION, "seed": seed, **encoders.record_of(encoder)}
    planned, shelf = shards.plan(prompts, 1, 1, seed, identity), Shelf(store.images(SKILL))
    if shelf.is_joined(planned):
        return
    painter = diffusion.load(model, revision, encoder=encoder)
    write_records(store.prompts(SKILL), prompts)
    for shard in planned:
        if not shelf.has(shard):
            images = [drawn[item.index][0] for item in shard.items]
            _put(shard, shelf, images, painter, world.VERSION)
        done = shard.items[-1].index + 1
        yield Event(f"{SKILL}: {done} of {count} scenes", done, count)
    shelf.join(planned, {**identity, "model's sha256": painter.fingerprint})


def world_of(recipe: Recipe) -> World:
    """Of the recipe's base, or else of the judge that its evaluation names."""
    assert recipe.experts
    judges = [evaluated.judge for evaluated in (recipe.validation, recipe.test) if evaluated]
    return worlds.world_of(recipe.experts.model, judges)


def _put(
    shard: Shard, shelf: Shelf, images: Sequence[Image.Image], painter: Painter, version: str
) -> None:
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
                version,
                "drawn",
                1.0,
                0,
            )
        )
    latents = painter.encode(to_pixels(images, painter.size_pixels)).cpu()
    texts = [item.prompt.text for item in shard.items]
    shelf.put(shard, {"latents": latents, **text_tensors(painter, texts)}, records)
