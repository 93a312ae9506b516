"""Stage 3: LoRA experts learn from the pictures of their skills, all of them in one forward pass of
the base.

Reads images/<skill>/ and writes experts/<name>/; an objective on pairs makes pairs/<skill>/ first.
An expert's data, order and noise depend on its own name and seed alone, so it comes out the same
whoever trains beside it; one expert alone is the same code.
"""

from collections.abc import Iterator

from engine.core.events import Event
from engine.core.store import Store
from engine.experts.checks import check
from engine.experts.config import Config
from engine.experts.training_options import Training

__all__ = ["Config", "Training", "check", "run"]


def run(config: Config, store: Store) -> Iterator[Event]:
    """Train every expert that is not finished. Raises EngineError, naming the remedy; `Stopped`
    saves first.
    """
    check(config)
    from engine.experts.session import Session

    yield from Session(config, store).run()
