"""What kohya's `ss_*` and Stability's `modelspec.*` say in a LoRA file's header: the family of its
base, and how it was made.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from engine.core.errors import EngineError
from engine.models.lora.factors import Expert


class Family(NamedTuple):
    """A family of bases, as headers name it."""

    kohya: str
    stability: str


UNKNOWN = Family("unknown", "unknown")
FAMILIES = {
    768: Family("sd_v1", "stable-diffusion-v1"),
    1024: Family("sd_v2", "stable-diffusion-v2-512"),
    2048: Family("sdxl_base_v1-0", "stable-diffusion-xl-v1-base"),
}
"""By the width of the text that cross-attention reads."""
VELOCITY = {"sd_v2": Family("sd_v2_v", "stable-diffusion-v2-768-v")}
"""The bases of a family that predict velocity, where there are such, by kohya's name of the others.
"""
PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v"}
BEGINNINGS = {
    "sd_v1": Family("sd_v1", "stable-diffusion-v1"),
    "sd_v2": Family("sd_v2", "stable-diffusion-v2"),
    "sdxl_base_v1-0": Family("sdxl_", "stable-diffusion-xl"),
}
"""What both names begin with in every version of a family, by kohya's name of it."""


def header(expert: Expert, alpha: float, recipe: Mapping[str, Any]) -> dict[str, str]:
    """As far as it is known, all strings; `alpha` is every layer's."""
    base = recipe.get("base") or {}
    family = _family_of(expert, base)
    ranks = [factors.rank for factors in expert.values()]
    values = {
        "ss_network_module": "networks.lora",
        "ss_network_dim": max(ranks),
        "ss_network_alpha": alpha,
        **_base_values(family, base),
        **_training_values(recipe),
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.implementation": "diffusers",
        "modelspec.date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    strings = {"format": "pt"}
    for name, value in values.items():
        if value is not None:
            strings[name] = str(value)
    return strings


def _base_values(family: Family, base: Mapping[str, Any]) -> dict[str, Any]:
    prediction = base.get("prediction", "")
    return {
        "ss_base_model_version": family.kohya,
        "ss_v2": family.kohya.startswith("sd_v2"),
        "ss_sd_model_name": base.get("model"),
        "ss_sd_model_hash": base.get("sha256"),
        "modelspec.architecture": f"{family.stability}/lora",
        "modelspec.prediction_type": PREDICTIONS.get(prediction),
    }


def _training_values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    experts = recipe.get("experts")
    return {
        "ss_output_name": recipe.get("name"),
        "ss_steps": recipe.get("step"),
        "ss_learning_rate": recipe.get("learning_rate"),
        "ss_seed": recipe.get("seed"),
        "ss_num_train_images": recipe.get("pictures"),
        "ss_batch_size_per_device": recipe.get("batch_size"),
        "ss_optimizer": "torch.optim.AdamW" if "learning_rate" in recipe else None,
        "ss_training_comment": json.dumps(recipe, ensure_ascii=False, sort_keys=True),
        "modelspec.title": recipe.get("name"),
        "modelspec.merged_from": ", ".join(experts) if experts else None,
    }


def _family_of(expert: Expert, base: Mapping[str, Any]) -> Family:
    """By what cross-attention's keys read; unknown where the expert touches none."""
    family = UNKNOWN
    for path, factors in expert.items():
        if path.endswith(("attn2.to_k", "attn2.to_v")):
            text_width = factors.a.shape[1]
            family = FAMILIES.get(text_width, UNKNOWN)
            break
    if base.get("prediction") == "v_prediction":
        return VELOCITY.get(family.kohya, family)
    return family


def family_in(header: Mapping[str, str]) -> str:
    """The base's family that a header names, as kohya calls it; "" where it names none that is
    known.
    """
    version = header.get("ss_base_model_version", "")
    architecture = header.get("modelspec.architecture", "")
    for name, beginning in BEGINNINGS.items():
        if version.startswith(beginning.kohya) or architecture.startswith(beginning.stability):
            return name
    return ""


def check_family(header: Mapping[str, str], model: nn.Module, file: Path) -> None:
    """Raises EngineError when the header names another family: some layers have the same shapes in
    several.
    """
    named = family_in(header)
    width = getattr(model, "config", {}).get("cross_attention_dim")
    if not named or not isinstance(width, int) or width not in FAMILIES:
        return
    family = FAMILIES[width].kohya
    if named != family:
        raise EngineError(
            f"{file} was made for {named}, and this base is {family}. "
            "Choose the base that it was trained on."
        )
