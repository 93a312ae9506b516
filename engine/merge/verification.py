"""Does plain diffusers, given the saved file, compute what the sliders showed?"""

from collections.abc import Mapping
from math import inf, isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import EngineError
from engine.models import checkpoints, families

if TYPE_CHECKING:
    from engine.models.lora.factors import Expert

MOST_DIFFERENCE = 1e-5
"""Of the denoiser's output, relative, in float32."""
TEXTS = ("two red balls and a blue star", "")
TIMESTEP = 500


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

    @torch.no_grad()
    def output() -> torch.Tensor:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ):
            return painter.predict(start, torch.tensor(TIMESTEP, device=painter.device), text)

    mixture = Mixture(painter.module, experts)
    with mixture.mix(weights):
        ours = output()
    mixture.remove()
    if not torch.isfinite(ours).all():
        return nan
    painter.pipe.load_lora_weights(file.parent, weight_name=file.name)
    found = float((output() - ours).norm() / ours.norm())
    return found if isfinite(found) else inf
