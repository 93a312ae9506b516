"""Which methods' merges can be shown live in a mixture, and what each expert's delta counts there.

A merge that is a sum of deltas can be; one that thins deltas out or cuts them to a rank cannot.
"""

from collections.abc import Mapping
from typing import Any

from engine.core import plugins, weights
from engine.core.config import build
from engine.core.errors import EngineError
from engine.merge import methods


def is_live(method: str) -> bool:
    """Whether the mixture shows this method's merges as they are."""
    return hasattr(plugins.load(methods, method), "coefficients")


def coefficients(
    method: str, options: Mapping[str, Any], expert_weights: Mapping[str, float]
) -> dict[str, float]:
    """What each expert's delta is multiplied by.

    Raises EngineError for a method that is no sum of deltas.
    """
    if not is_live(method):
        raise EngineError(
            f"A merge by {method} is no sum of deltas, so the experts cannot be mixed live. "
            "Choose average or weighted."
        )
    plugin = plugins.load(methods, method)
    weights.check(expert_weights)
    config = build(plugin.Config, options, where=method)
    return dict(plugin.coefficients(expert_weights, config))
