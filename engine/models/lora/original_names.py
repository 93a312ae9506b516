"""What the layers of a diffusers UNet are called in the original Stable Diffusion repositories, by
which kohya names those of SDXL: `input_blocks_4_1_proj_in`.
"""

import re
from collections.abc import Collection

from torch import nn

RESNET = {
    "conv1": "in_layers_2",
    "conv2": "out_layers_3",
    "time_emb_proj": "emb_layers_1",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "conv_in": "input_blocks_0_0",
    "conv_out": "out_2",
    "time_embedding.linear_1": "time_embed_0",
    "time_embedding.linear_2": "time_embed_2",
    "mid_block.attentions.0": "middle_block_1",
    "mid_block.resnets.0": "middle_block_0",
    "mid_block.resnets.1": "middle_block_2",
}
EMBEDDED = {"add_embedding.linear_1": "label_emb_0_0", "add_embedding.linear_2": "label_emb_0_2"}
"""SDXL's sizes and pooled text."""
IN_BLOCK = re.compile(
    r"(?P<side>down|up)_blocks\.(?P<block>\d+)"
    r"\.(?P<kind>resnets|attentions|downsamplers|upsamplers)\.(?P<number>\d+)\.(?P<rest>.+)"
)


def paths_by_name(model: nn.Module) -> dict[str, str]:
    """Module path by kohya's name, diffusers' and the original one."""
    paths = [path for path, _ in model.named_modules() if path]
    names = {}
    for path in paths:
        original = original_name(path, paths, model)
        if original:
            names[original] = path
    for path in paths:
        names[underscored(path)] = path
    return names


def underscored(path: str) -> str:
    return path.replace(".", "_")


def original_name(path: str, paths: Collection[str], model: nn.Module) -> str:
    """`input_blocks_4_1_proj_in` of `down_blocks.1.attentions.0.proj_in`; "" where there is none.

    `paths` are all of the model's.
    """
    for start, name in (ENDS | EMBEDDED).items():
        if path == start:
            return name
        if path.startswith(f"{start}."):
            return _with_rest(name, path.removeprefix(f"{start}."))
    match = IN_BLOCK.fullmatch(path)
    layers = getattr(model, "config", {}).get("layers_per_block")
    if match is None or not isinstance(layers, int):
        return ""
    return _name_in_block(match, layers, paths)


def _name_in_block(match: re.Match[str], layers: int, paths: Collection[str]) -> str:
    """The original repositories count all blocks of a side in one row.

    Down, input block 0 is conv_in, and each block ends in its downsampler: layers + 1 per block.
    Up, each block has a layer more than down, and the upsampler stands in the last one's block.
    """
    block = int(match["block"])
    number = int(match["number"])
    if match["kind"] == "downsamplers":
        return f"input_blocks_{(block + 1) * (layers + 1)}_0_op"
    if match["kind"] == "upsamplers":
        last = block * (layers + 1) + layers
        has_attention = any(path.startswith(f"up_blocks.{block}.attentions.") for path in paths)
        position = 2 if has_attention else 1  # behind the resnet and, if there is one, attention
        return f"output_blocks_{last}_{position}_conv"
    place = block * (layers + 1) + number
    position = 0 if match["kind"] == "resnets" else 1
    if match["side"] == "down":
        return _with_rest(f"input_blocks_{place + 1}_{position}", match["rest"])
    return _with_rest(f"output_blocks_{place}_{position}", match["rest"])


def _with_rest(name: str, rest: str) -> str:
    return f"{name}_{RESNET.get(rest, underscored(rest))}"
