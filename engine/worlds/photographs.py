"""Pictures of the real world, by any base model from the Hub or a folder: prompts in free language.

Nothing here is drawn or read exactly, and no judge that ships reads such pictures: models are
compared by looking, by votes, or by a judge of one's own with prompts from a file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from engine.core.errors import EngineError
from engine.core.types import Prompt
from engine.worlds import SKILLS as ALL_SKILLS
from engine.worlds import Check, Misreading, Refusal

TITLE = "Photographs"
VERSION = "photographs-1"
LANGUAGE = "free"
BASES: tuple[str, ...] = ()
RECIPE = "sd14"
SKILLS = ALL_SKILLS / "photographs"
WRITER = "transformers_local"
JUDGES: tuple[str, ...] = ()
EXAMPLE = "a photo of two red apples and a cup"
GUIDANCE = 7.5
HAS_CEILING = False
MEASUREMENTS = None


def line_check(rules: Mapping[str, Any], where: str) -> Check:
    """Nothing reads free text by rules: a line passes, whatever it says."""

    def check(text: str) -> Refusal | None:
        return None

    return check


def misreading(text: str) -> Misreading | None:
    return None


def evaluation_prompts(split: str, skills: Sequence[str]) -> dict[str, list[Prompt]]:
    raise EngineError(
        "No evaluation prompts ship for photographs. Name a file of prompts, and a judge that "
        "reads them."
    )


def evaluation_texts() -> frozenset[str]:
    return frozenset()


def prompts_to_try(written: Sequence[str]) -> Sequence[str]:
    return written


def draw(text: str, seed: int) -> Image.Image:
    raise EngineError("Nothing draws photographs of a text, so they have no ceiling. Leave it out.")


def pretraining_pair(seed: int, number: int) -> tuple[Image.Image, str]:
    raise EngineError(
        "Nothing draws photographs with captions like a base's own training data. Leave "
        "noisy_scenes out."
    )
