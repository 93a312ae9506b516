"""Pictures while a slider moves: one warm model in the app's own process.

Torch is imported by the first picture, never by the app's start. All pictures that are asked for together are rows of
one batch and start from the same noise; what was painted before is remembered, so that while nothing but the sliders
moves, only the merged picture is painted.
"""
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from app import contents
from engine.core import plugins
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.merge import live, methods
from engine.models.lora_cards import FILE_NAME

if TYPE_CHECKING:
    from engine.models.diffusion import Painter
    from engine.models.lora import Expert
    from engine.models.mixture import Mixture

STEPS = 20
USUAL_GUIDANCE = 3.5
REMEMBERED = 512
Named = tuple[tuple[str, Any], ...]
"""A mapping that can be a key."""


@dataclass(frozen=True)
class Mix:
    """Experts merged by a method."""

    method: str
    options: Named
    weights: Named

    @staticmethod
    def of(method: str, options: Mapping[str, Any], weights: Mapping[str, float]) -> "Mix":
        return Mix(method, tuple(options.items()), tuple(weights.items()))

    @staticmethod
    def alone(expert: str) -> "Mix":
        """One expert, whole."""
        return Mix("weighted", (), ((expert, 1.0),))


@dataclass(frozen=True)
class Cell:
    """One picture; without a mix it is the base's."""

    prompt: str
    seed: int
    guidance: float
    mix: Mix | None = None
    steps: int = STEPS


class Preview:
    """Keeps the base and the experts of the run shown last. One painting at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base: dict[str, Any] = {}
        self._painter: Painter | None = None
        self._files: tuple[tuple[str, int], ...] = ()
        self._experts: dict[str, Expert] = {}
        self._mixture: Mixture | None = None
        self._prepared: dict[tuple[str, Named], Callable[[Mapping[str, float]], Any]] = {}
        self._kept: OrderedDict[Cell, Image.Image] = OrderedDict()

    def paint(self, run: Store, cells: Sequence[Cell]) -> list[Image.Image]:
        """Raises EngineError, naming the remedy, for what cannot be loaded, and for a merge of nothing."""
        with self._lock:
            painter = self._open(run)
            wanted = [cell for cell in dict.fromkeys(cells) if cell not in self._kept]
            mixed = [cell for cell in wanted if _is_live(cell.mix)]
            self._paint(painter, mixed, self._mixture, [self._weights(cell.mix) for cell in mixed])
            for mix in dict.fromkeys(cell.mix for cell in wanted if not _is_live(cell.mix)):
                assert mix
                self._paint_merged(painter, mix, [cell for cell in wanted if cell.mix == mix])
            shown = [self._kept[cell] for cell in cells]
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
            return shown

    def is_warm(self, run: Store) -> bool:
        """Whether the run's base is loaded and nobody is loading another."""
        return self._painter is not None and self._base == contents.base_of(run)

    def warm(self, run: Store) -> None:
        """Load in the background, so that the first picture need not wait."""
        threading.Thread(target=self._load, args=(run,), daemon=True).start()

    def _load(self, run: Store) -> None:
        with suppress(EngineError), self._lock:  # the first picture asked for raises the same and is told to the user
            self._open(run)

    def _paint(self, painter: "Painter", cells: Sequence[Cell], mixture: "Mixture | None",
               weights: Sequence[Mapping[str, float]]) -> None:
        """One batch, from the same noise where the seed is the same."""
        if not cells:
            return
        painted = painter.paint([cell.prompt for cell in cells], [cell.seed for cell in cells],
                                [cell.guidance for cell in cells], cells[0].steps, mixture=mixture,
                                mix=mixture.rows(weights) if mixture else None)
        self._kept |= zip(cells, (picture.image for picture in painted), strict=True)

    def _paint_merged(self, painter: "Painter", mix: Mix, cells: Sequence[Cell]) -> None:
        """By a method that the mixture cannot show live: as the one LoRA that it makes of the experts."""
        from engine.models.mixture import Mixture
        if (mix.method, mix.options) not in self._prepared:
            method = plugins.load(methods, mix.method)
            options = build(method.Config, dict(mix.options), where=mix.method)
            self._prepared = {(mix.method, mix.options): method.prepare(self._experts, options)}
        merged = self._prepared[mix.method, mix.options](self._known(mix))
        mixture = Mixture(painter.pipe.unet, {"merged": merged.expert})
        try:
            self._paint(painter, cells, mixture, [{"merged": 1.0}] * len(cells))
        finally:
            mixture.remove()

    def _weights(self, mix: Mix | None) -> dict[str, float]:
        """What each expert's delta is multiplied by."""
        if mix is None or not self._experts:
            return {}
        return live.coefficients(mix.method, dict(mix.options), self._known(mix))

    def _known(self, mix: Mix) -> dict[str, float]:
        return {name: weight for name, weight in mix.weights if name in self._experts}

    def _open(self, run: Store) -> "Painter":
        """The run's base with its experts beside it; what was painted by others is forgotten."""
        base = contents.base_of(run)
        if self._painter is None or self._base != base:
            from engine.models import diffusion
            self._painter, self._mixture, self._files = None, None, ()  # two bases might not fit
            self._kept.clear()
            self._painter, self._base = diffusion.load(base["model"], base["revision"]), base
        files = {path.parent.name: path for path in sorted(run.folder.glob(f"experts/*/{FILE_NAME}"))}
        found = tuple((str(path), path.stat().st_mtime_ns) for path in files.values())
        if found != self._files:
            from engine.models import lora_files
            from engine.models.mixture import Mixture
            if self._mixture is not None:
                self._mixture.remove()
            self._mixture, self._files, self._prepared = None, (), {}
            self._kept.clear()
            self._experts = {name: lora_files.read(path.parent).expert for name, path in files.items()}
            self._mixture = Mixture(self._painter.pipe.unet, self._experts) if self._experts else None
            self._files = found
        return self._painter


def _is_live(mix: Mix | None) -> bool:
    """Whether the mixture shows it as it is: the base, and sums of deltas."""
    return mix is None or live.is_live(mix.method)
