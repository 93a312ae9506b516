"""What stands before a layer's path in the keys of LoRA files: each family's own, by layout."""

import re
from collections.abc import Mapping
from typing import Any

from engine.core.errors import EngineError
from engine.models import families

TEXT_ENCODER = re.compile(r"(text_encoder(_\d)?\.|lora_te\d?_).+")


def of_denoisers(layout: str) -> tuple[str, ...]:
    """All that files of a layout may have."""
    return families.prefixes(layout)


def of_base(layout: str, recipe: Mapping[str, Any]) -> str:
    """The one that a file of a layout has for the base that `recipe` names.

    Raises EngineError where the layout has no names for that family's layers.
    """
    family = families.of_recipe(recipe)
    if layout not in family.LORA_PREFIXES:
        raise EngineError(
            f"The layout {layout} has no names for the layers of {family.TITLE}. Use the "
            "pytorch_lora_weights.safetensors in the expert's folder, which diffusers reads."
        )
    return family.LORA_PREFIXES[layout]


def pattern(layout: str) -> str:
    """A regular expression for what files of a layout may have."""
    return "|".join(map(re.escape, of_denoisers(layout)))


def is_of_text_encoder(key: str) -> bool:
    """In diffusers' naming or in kohya's."""
    return TEXT_ENCODER.fullmatch(key) is not None
