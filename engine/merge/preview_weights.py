"""Which methods' merges can be shown live in a mixture, and what each expert's delta counts there.

A merge that is a sum of deltas can be; one that thins deltas out or cuts them to a rank cannot.
"""

from collections.abc import Mapping

from engine.core import weights
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice


def is_live(method: PluginChoice) -> bool:
    """Whether the mixture shows this method's merges as they are."""
    return hasattr(method.module, "coefficients")


def coefficients(method: PluginChoice, expert_weights: Mapping[str, float]) -> dict[str, float]:
    """What each expert's delta is multiplied by.

    Raises EngineError for a method that is no sum of deltas.
    """
    if not is_live(method):
        raise EngineError(
            f"A merge by {method.name} is no sum of deltas, so the experts cannot be mixed live. "
            "Choose average or weighted."
        )
    weights.check(expert_weights)
    return dict(method.module.coefficients(expert_weights, method.config()))
