"""How LoRA files begin the keys of each part of a pipeline."""

import re
from collections.abc import Iterable

USUAL = "unet"
"""The denoiser of Stable Diffusion 1, 2 and XL, and of Storybook."""
KOHYA = {USUAL: "lora_unet_"}
"""How kohya begins a key, by the denoiser's name in its pipeline, with which diffusers and peft do.
"""
TEXT_ENCODER = re.compile(r"(text_encoder(_\d)?\.|lora_te\d?_).+")


def is_of_text_encoder(key: str) -> bool:
    """In diffusers' naming or in kohya's."""
    return TEXT_ENCODER.fullmatch(key) is not None


def pattern(prefixes: Iterable[str]) -> str:
    """A regular expression for any of them."""
    return "|".join(map(re.escape, prefixes))
