"""Pictures as the images stage leaves them, with random latents, and the tiny base that they belong to."""
import json
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from engine.core.store import Store
from engine.experts import Config
from engine.models.checkpoints import fingerprint
from engine.storybook import evaluation, scenes

CAPTIONS = ["two red balls", "a tree", "a blue star", "red balls at night"]


def paint_pictures(store: Store, skill: str, model: Path, count: int = 8, *, xl: bool = False,  # noqa: PLR0913
                   captions=CAPTIONS, draw=lambda i: Image.new("RGB", (64, 64), (i, 0, 0))) -> None:
    """latents.safetensors and metadata.jsonl of `count` pictures, and PNGs that are not theirs."""
    generator = torch.Generator().manual_seed(len(skill) + count)
    width = 56 if xl else 32
    tensors = {"latents": torch.randn(count, 8, 16, 16, generator=generator),
               "embeddings": torch.randn(count, 32, width, generator=generator).half(),
               "empty_embedding": torch.zeros(1, 32, width).half()}
    if xl:
        tensors |= {"pooled": torch.randn(count, 24, generator=generator), "empty_pooled": torch.zeros(1, 24),
                    "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]]).repeat(count, 1)}
    folder = store.images(skill)
    folder.mkdir(parents=True)
    header = {"recipe": json.dumps({"model": str(model), "model's sha256": fingerprint(model)})}
    save_file(tensors, folder / "latents.safetensors", header)
    with open(folder / "metadata.jsonl", "w") as lines:
        for i in range(count):
            picture = {"file_name": f"{i}.png", "prompt_id": f"{skill}-{i}", "text": captions[i % len(captions)],
                       "seed": i, "model": str(model), "sampler": "ddim", "guidance": 3.5, "steps": 4}
            lines.write(json.dumps(picture) + "\n")
            draw(i).save(folder / f"{i}.png")


def draw_scenes(store: Store, skill: str, model: Path, prompts: int = 4) -> None:
    """Two Storybook pictures of each of some prompts: the first as it says, the second an empty page."""
    texts = [prompt.text for prompt in evaluation.load("validation", skill)[:prompts]]

    def draw(i):
        if i >= prompts:
            return Image.new("RGB", (64, 64), "white")
        return Image.fromarray(scenes.paint(evaluation.true_scene(texts[i], 1)))
    paint_pictures(store, skill, model, 2 * prompts, captions=texts, draw=draw)


def config(base: Path, **changes) -> Config:
    """A run of seconds; two experts unless told."""
    options = {"experts": {"counting": ["counting"], "styles": ["styles"]}, "model": str(base), "rank": 2, "alpha": 3.0,
               "steps": 6, "batch_size": 2, "learning_rate": 1e-2, "log_every": 2, "held_out": 0.25,
               "held_out_every": 3, "checkpoint_every": 2, "sample_every": 0}
    return Config(**(options | changes))
