"""Weights that people ask for by name. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SELMA, RELEASED, WHOLE = "SELMA: equal shares", "SELMA as released", "every expert whole"


@dataclass(frozen=True)
class Preset:
    """A method with its options, and a weight per expert."""

    method: str
    options: Mapping[str, Any]
    weights: Mapping[str, float]
    hint: str


def presets(experts: Sequence[str], model: str) -> dict[str, Preset]:
    """By name. SELMA's released program gives every expert 1 / (number of letters of the model's
    id).

    Its line reads `1/len(args.model_id)` where 1 / (number of experts) is meant
    (inference/img_gen_merge.py), so with "stabilityai/stable-diffusion-2" five experts sum to 5/30
    of their mean's strength.
    """
    options = {"strength": 1.0}
    ones = dict.fromkeys(experts, 1.0)
    letters = max(1, len(model))
    fractions = dict.fromkeys(experts, 1 / letters)
    about_letters = f"1/{letters} each: the released program divides by the letters of {model!r}"
    about_mean = "the mean of the experts, as the paper says"
    about_sum = "the sum of the experts: task arithmetic"
    return {
        SELMA: Preset("average", options, ones, about_mean),
        RELEASED: Preset("weighted", options, fractions, about_letters),
        WHOLE: Preset("weighted", options, ones, about_sum),
    }
