"""What stands before a layer's path in the keys of LoRA files."""

import re
from collections.abc import Mapping
from typing import Any

OF_DENOISER = {"diffusers": ("unet.",), "kohya": ("lora_unet_",)}
"""By layout."""
TEXT_ENCODER = re.compile(r"(text_encoder(_\d)?\.|lora_te\d?_).+")


def of_denoisers(layout: str) -> tuple[str, ...]:
    """All that files of a layout may have."""
    return OF_DENOISER[layout]


def of_base(layout: str, recipe: Mapping[str, Any]) -> str:
    """The one that a file of a layout has for the base that `recipe` names."""
    return OF_DENOISER[layout][0]


def pattern(layout: str) -> str:
    """A regular expression for what files of a layout may have."""
    return "|".join(map(re.escape, of_denoisers(layout)))


def is_of_text_encoder(key: str) -> bool:
    """In diffusers' naming or in kohya's."""
    return TEXT_ENCODER.fullmatch(key) is not None
