"""Base beside merged while a slider moves: one warm model in the app's own process.

Torch is imported by the first picture, never by the app's start. Both pictures start from the same noise and are
two rows of one batch, the base's with no expert and the other's with the sliders' mix; while nothing but the
sliders moves, the base's is kept and the merged one is painted alone.
"""
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image

from app import contents
from engine.core.errors import EngineError
from engine.core.store import Store

if TYPE_CHECKING:
    from engine.models.diffusion import Painter
    from engine.models.mixture import Mixture

STEPS = 20
USUAL_GUIDANCE = 3.5
EXPERT_FILE = "pytorch_lora_weights.safetensors"


@dataclass(frozen=True)
class Ask:
    """What to paint; `weights` are what each expert's delta is multiplied by."""

    prompt: str
    seed: int
    guidance: float
    weights: Mapping[str, float]
    steps: int = STEPS


class Preview:
    """Keeps the base and the experts of the run shown last. One painting at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base = ""
        self._painter: Painter | None = None
        self._experts: tuple[tuple[str, int], ...] = ()
        self._mixture: Mixture | None = None
        self._kept: tuple[Ask, Image.Image] | None = None
        """The base's picture and what was asked, without the weights."""

    def paint(self, run: Store, ask: Ask) -> tuple[Image.Image, Image.Image]:
        """(base, merged). Raises EngineError, naming the remedy, when the model or an expert cannot be loaded."""
        with self._lock:
            painter = self._open_base(contents.base_model(run))
            mixture = self._open_experts(painter, run)
            weights = {name: ask.weights[name] for name in ask.weights if mixture and name in mixture.names}
            scene = replace(ask, weights={})
            rows = [weights] if self._kept and self._kept[0] == scene else [{}, weights]
            painted = painter.paint([ask.prompt] * len(rows), [ask.seed] * len(rows), ask.guidance, ask.steps,
                                    mixture=mixture, mix=mixture.rows(rows) if mixture else None)
            if len(painted) == 2:
                self._kept = scene, painted[0].image
            assert self._kept
            return self._kept[1], painted[-1].image

    def is_warm(self, run: Store) -> bool:
        """Whether the run's base is loaded and nobody is loading another."""
        return self._painter is not None and self._base == contents.base_model(run)

    def warm(self, run: Store) -> None:
        """Load in the background, so that the first picture need not wait."""
        threading.Thread(target=self._load, args=(run,), daemon=True).start()

    def _load(self, run: Store) -> None:
        with suppress(EngineError), self._lock:  # the first picture asked for raises the same and is told to the user
            self._open_experts(self._open_base(contents.base_model(run)), run)

    def _open_base(self, model_id: str) -> "Painter":
        if self._painter is None or self._base != model_id:
            from engine.models import diffusion
            self._painter, self._mixture, self._experts, self._kept = None, None, (), None  # two might not fit
            self._painter, self._base = diffusion.load(model_id), model_id
        return self._painter

    def _open_experts(self, painter: "Painter", run: Store) -> "Mixture | None":
        files = {path.parent.name: path for path in sorted(run.folder.glob(f"experts/*/{EXPERT_FILE}"))}
        found = tuple((str(path), path.stat().st_mtime_ns) for path in files.values())
        if found != self._experts:
            from engine.models import lora_files
            from engine.models.mixture import Mixture
            if self._mixture is not None:
                self._mixture.remove()
            self._mixture, self._experts = None, ()
            if files:
                experts = {name: lora_files.read(path.parent).expert for name, path in files.items()}
                self._mixture = Mixture(painter.pipe.unet, experts)
            self._experts = found
        return self._mixture
