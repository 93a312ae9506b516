"""Which layers of a UNet a LoRA can change, told by their paths' ends. No torch."""

import json
from collections.abc import Iterable
from pathlib import Path

from engine.core.errors import EngineError

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
INSIDE_BLOCKS = (
    "attentions.#.proj_in",
    "attentions.#.proj_out",
    *(
        f"attentions.#.transformer_blocks.#.{attn}.{layer}"
        for attn in ("attn1", "attn2")
        for layer in ATTENTION
    ),
    "attentions.#.transformer_blocks.#.ff.net.0.proj",
    "attentions.#.transformer_blocks.#.ff.net.2",
    "resnets.#.conv1",
    "resnets.#.conv2",
    "resnets.#.time_emb_proj",
)
PATHS = (
    "conv_in",
    "conv_out",
    *(f"{what}_embedding.linear_{n}" for what in ("time", "add") for n in (1, 2)),
    *(
        f"{block}.{inside}"
        for block in ("down_blocks.#", "mid_block", "up_blocks.#")
        for inside in INSIDE_BLOCKS
    ),
    "down_blocks.#.resnets.#.conv_shortcut",
    "up_blocks.#.resnets.#.conv_shortcut",
    "down_blocks.#.downsamplers.#.conv",
    "up_blocks.#.upsamplers.#.conv",
)
"""As diffusers' UNet2DConditionModel names them; # stands for any number."""
BLOCKS = {
    "DownBlock2D",
    "CrossAttnDownBlock2D",
    "UNetMidBlock2DCrossAttn",
    "UpBlock2D",
    "CrossAttnUpBlock2D",
}
"""What the paths above are true of: Stable Diffusion 1, 2 and XL, and the bases that ship."""
COMMON = (*ATTENTION, "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2")


def check(targets: Iterable[str], folder: Path | None = None) -> None:
    """Raises EngineError for none, and for one that no UNet of the usual blocks has.

    `folder` is the base's where it lies on this machine; one of other blocks is left to the stage.
    """
    asked = tuple(targets)
    if not asked:
        raise EngineError("A LoRA needs layers to change. Choose targets, such as to_q and to_v.")
    if folder is not None and not _is_usual(folder / "unet" / "config.json"):
        return
    for target in asked:
        if not any(_ends(path.split("."), target.split(".")) for path in PATHS):
            raise EngineError(
                f"No linear layer or convolution is called {target[:80]!r}. "
                f"Choose targets from {', '.join(COMMON)}."
            )


def _ends(path: list[str], target: list[str]) -> bool:
    """Whether the last parts of a path are the target's; peft's rule."""
    tail = path[-len(target) :]
    return len(tail) == len(target) and all(
        part.isdigit() if known == "#" else part == known
        for known, part in zip(tail, target, strict=True)
    )


def _is_usual(file: Path) -> bool:
    """Whether a UNet's config names the usual blocks alone; the stage tells a damaged one."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        return set(config["down_block_types"]) | set(config["up_block_types"]) <= BLOCKS
    except (OSError, ValueError, KeyError, TypeError):
        return False
