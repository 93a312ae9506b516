"""Pre-training data of the base: captioned scenes, drawn once and encoded once."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from torch import Tensor

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.models import tensor_files
from engine.storybook.captions import NOISE, caption, sample
from engine.storybook.scenes import paint
from engine.storybook.train.vae import to_tensor

SCENES = 40_000
CAPTIONS_EACH = 3
SHARD = 500


Tokenize = Callable[[list[str]], list[list[int]]]


def prepare(
    folder: Path, vae: AutoencoderKL, tokenize: Tokenize, scenes: int = SCENES, seed: int = 21
) -> Iterator[Event]:
    """Write `folder/data.safetensors`: latents (n, 8, 16, 16) fp16 as the UNet sees them, tokens
    (n, captions, 32).

    Raises EngineError when it is there, of another codec.
    """
    path = folder / "data.safetensors"
    if path.exists():
        check_codec(folder, vae)
        return
    latents, tokens, done = [], [], 0
    keys = [(seed, number) for number in range(scenes // SHARD)]
    with ProcessPoolExecutor(2) as processes:
        for pictures, captions in processes.map(_shard, keys):
            latents.append(encode(vae, pictures))
            ids = [tokenize(texts) for texts in captions]
            tokens.append(torch.tensor(ids, dtype=torch.int16))
            done += SHARD
            if done % 5000 == 0:
                yield Event(f"drew and encoded {done} scenes", done, scenes)
    tensors = {"latents": torch.cat(latents), "tokens": torch.cat(tokens)}
    tensor_files.write(path, tensors, {"seed": str(seed), "codec": codec_sha256(vae)})


def load(folder: Path) -> tuple[Tensor, Tensor]:
    """(latents, tokens) as `prepare` wrote them."""
    tensors = load_file(folder / "data.safetensors")
    return tensors["latents"], tensors["tokens"]


def check_codec(folder: Path, vae: AutoencoderKL) -> None:
    """Raises EngineError when the data were encoded by another codec: a base learns one codec's
    latents.
    """
    path = folder / "data.safetensors"
    _, header = tensor_files.read(path)
    if header.get("codec") != codec_sha256(vae):
        raise EngineError(
            f"{path} was encoded by another codec. Delete it, and the base's training beside it, "
            "to train the base on this one; or package the codec that it was made with."
        )


def codec_sha256(vae: AutoencoderKL) -> str:
    """Over the weights in half precision, as they ship, and the scaling factor."""
    digest = hashlib.sha256(str(vae.config.scaling_factor).encode())
    for name, tensor in sorted(vae.state_dict().items()):
        half = tensor.half().contiguous().cpu()
        digest.update(name.encode() + half.numpy().tobytes())
    return digest.hexdigest()


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: np.ndarray, batch: int = 50) -> Tensor:
    """(n, 64, 64, 3) uint8 to (n, 8, 16, 16) fp16: the posterior's mean, scaled."""
    parts = []
    for first in range(0, len(pictures), batch):
        pixels_NCHW = to_tensor(pictures[first : first + batch])
        channels_last = pixels_NCHW.contiguous(memory_format=torch.channels_last)
        parts.append(vae.encode(channels_last).latent_dist.mean)
    return (torch.cat(parts) * vae.config.scaling_factor).half()


def _shard(key: tuple[int, int]) -> tuple[np.ndarray, list[list[str]]]:
    """SHARD scenes, each with several independent captions; the key is the seed and a number."""
    rng = np.random.default_rng(key)
    pictures, captions = [], []
    for _ in range(SHARD):
        scene, graph = sample(rng)
        pictures.append(paint(scene))
        captions.append([caption(graph, rng, NOISE) for _ in range(CAPTIONS_EACH)])
    return np.stack(pictures), captions
