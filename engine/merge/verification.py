"""Does plain diffusers, given the saved file, compute what the sliders showed?"""

from collections.abc import Mapping
from math import inf, isfinite, isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.core.errors import EngineError
from engine.core.stopping import is_out_of_memory
from engine.merge import preview_weights
from engine.merge.config import TOO_LARGE, Config
from engine.models import checkpoints, families

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.diffusion import Painter
    from engine.models.lora.factors import Expert

MOST_DIFFERENCE = 1e-5
"""Of the denoiser's output, relative, in float32."""
STRONG = 10.0
"""A weight from which on rounding alone can make plain diffusers' picture another one."""
TEXTS = ("two red balls and a blue star", "")
TIMESTEP = 500


class Mix(NamedTuple):
    """Experts and their weights, as the sliders show them."""

    experts: "Mapping[str, Expert]"
    weights: Mapping[str, float]


def verify(
    file: Path,
    config: Config,
    base: Mapping[str, Any],
    experts: "Mapping[str, Expert]",
    merged: "Expert",
) -> str:
    """A sentence on what plain diffusers computes from `file`.

    Raises EngineError, and deletes the file, when that is something else than the sliders showed.
    """
    if not config.verify:
        return "Not verified."
    model, revision = base["model"], base.get("revision")
    if not is_here(model, revision):
        return f"Not verified: {model} is not on this machine."
    mix = _mix(config, experts, merged)
    try:
        distance = difference(file, model, revision, mix.experts, mix.weights)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return "Not verified: there is too little memory for the base in single precision."
    is_same = distance <= MOST_DIFFERENCE  # which NaN is not
    if not is_same:
        file.unlink()
        raise EngineError(_refusal(file, distance, mix.weights))
    return f"Verified: plain diffusers computes the same (relative difference {distance:.0e})."


def _mix(config: Config, experts: "Mapping[str, Expert]", merged: "Expert") -> Mix:
    """The experts live; where they cannot be, the merge as one expert, as the preview shows it."""
    method = config.method_choice
    if not preview_weights.is_live(method):
        return Mix({config.name: merged}, {config.name: 1.0})
    return Mix(experts, preview_weights.coefficients(method, config.experts))


def _refusal(file: Path, distance: float, weights: Mapping[str, float]) -> str:
    """Why a merge was not kept, by how far plain diffusers was off."""
    if isnan(distance):
        return (
            f"At these weights the denoiser computes no numbers any more, so {file} is not "
            f"kept. {TOO_LARGE}"
        )
    strongest = max(map(abs, weights.values()))
    advice = "Please report this."
    if strongest > STRONG:
        advice = f"At weights as large as {strongest:g} rounding alone does that: lower them."
    return (
        f"Plain diffusers computes something else from {file} than the sliders showed "
        f"(relative difference {distance:.1e}), so it is not kept. {advice}"
    )


def is_here(model: str, revision: str | None) -> bool:
    """Whether the whole base lies on this machine: nothing is fetched only to verify."""
    from huggingface_hub import try_to_load_from_cache

    try:
        if checkpoints.local_folder(model) is not None:
            return True
    except EngineError:
        return False
    index = try_to_load_from_cache(model, "model_index.json", revision=revision)
    if not isinstance(index, str):
        return False
    folder = Path(index).parent
    family = families.of_folder(folder)
    return family is not None and any((folder / family.MODULE).glob("*.safetensors"))


def difference(
    file: Path,
    model: str,
    revision: str | None,
    experts: "Mapping[str, Expert]",
    weights: Mapping[str, float],
) -> float:
    """|theirs - ours| / |ours| of one forward pass.

    Theirs is `file` loaded by diffusers, ours the `experts` live at `weights`. NaN where ours are
    no numbers any more; infinite where theirs alone are none.
    """
    import torch

    from engine.models import diffusion
    from engine.models.mixture import Mixture
    from engine.models.sampling import noise

    painter = diffusion.load(model, revision, weights_dtype=torch.float32)
    text = painter.embed(TEXTS)
    start = noise(range(len(TEXTS)), painter.latent_shape).to(painter.device)
    mixture = Mixture(painter.module, experts)
    with mixture.mix(weights):
        ours = _output(painter, start, text)
    mixture.remove()
    if not torch.isfinite(ours).all():
        return nan
    painter.pipe.load_lora_weights(file.parent, weight_name=file.name)
    theirs = _output(painter, start, text)
    distance = float((theirs - ours).norm() / ours.norm())
    return distance if isfinite(distance) else inf


def _output(painter: "Painter", start: "Tensor", text: Any) -> "Tensor":
    """What the denoiser predicts, by arithmetic that is the same each time."""
    import torch

    timestep = torch.tensor(TIMESTEP, device=painter.device)
    exactly = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with torch.no_grad(), exactly:
        return painter.predict(start, timestep, text)
