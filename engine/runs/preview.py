"""Pictures while a slider moves: one warm model in the app's own process.

Torch is imported by the first picture, never by the app's start. All pictures that are asked for
together are rows of one batch and start from the same noise; what was painted before is remembered,
so that while nothing but the sliders moves, only the merged picture is painted.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from engine import jobs, worlds
from engine.core import plugins, weights
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.merge import methods, preview_weights
from engine.models.lora.cards import FILE_NAME
from engine.runs import contents

if TYPE_CHECKING:
    from engine.models.diffusion import Painter
    from engine.models.ensemble import Ensemble
    from engine.models.mixture import Mixture

STEPS = 20
USUAL_GUIDANCE = worlds.usual().GUIDANCE
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
        self._threads = 0
        self._ensemble: Ensemble | None = None
        self._files: tuple[tuple[str, int], ...] = ()
        self._prepared: dict[tuple[str, Named], Callable[[Mapping[str, float]], Any]] = {}
        self._kept: OrderedDict[Cell, Image.Image] = OrderedDict()

    def paint(self, run: Store, cells: Sequence[Cell]) -> list[Image.Image]:
        """Raises EngineError, naming the remedy, for what cannot be loaded, and for a merge of
        nothing.
        """
        with self._lock:
            ensemble = self._open(run)
            wanted = [cell for cell in dict.fromkeys(cells) if cell not in self._kept]
            mixed = [cell for cell in wanted if _is_live(cell.mix)]
            self._paint(
                ensemble.painter,
                mixed,
                ensemble.mixture,
                [_weights(cell.mix, ensemble) for cell in mixed],
            )
            for mix in dict.fromkeys(cell.mix for cell in wanted if not _is_live(cell.mix)):
                assert mix
                self._paint_merged(ensemble, mix, [cell for cell in wanted if cell.mix == mix])
            shown = [self._kept[cell] for cell in cells]
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
            return shown

    def is_warm(self, run: Store) -> bool:
        """Whether the run's base is loaded and nobody is loading another."""
        return self._ensemble is not None and self._base == contents.base_of(run)

    def warm(self, run: Store) -> None:
        """Load in the background, so that the first picture need not wait."""
        threading.Thread(target=self._load, args=(run,), daemon=True).start()

    def _load(self, run: Store) -> None:
        with (
            suppress(EngineError),
            self._lock,
        ):  # the first picture asked for raises the same and is told to the user
            self._open(run)

    def _paint(
        self,
        painter: "Painter",
        cells: Sequence[Cell],
        mixture: "Mixture | None",
        weights: Sequence[Mapping[str, float]],
    ) -> None:
        """One batch, from the same noise where the seed is the same."""
        if not cells:
            return
        self._share_cores()
        painted = painter.paint(
            [cell.prompt for cell in cells],
            [cell.seed for cell in cells],
            [cell.guidance for cell in cells],
            cells[0].steps,
            mixture=mixture,
            mix=mixture.rows(weights) if mixture else None,
        )
        self._kept |= zip(cells, (picture.image for picture in painted), strict=True)

    def _share_cores(self) -> None:
        """One thread while a job works. On two cores a picture beside a training takes 1.5 s so;
        with two threads, that wait for each other awake as the training's own do, it took up to 36
        s."""
        import torch

        self._threads = self._threads or torch.get_num_threads()
        torch.set_num_threads(1 if jobs.running() else self._threads)

    def _paint_merged(self, ensemble: "Ensemble", mix: Mix, cells: Sequence[Cell]) -> None:
        """By a method that the mixture cannot show live: as the one LoRA that it makes of the
        experts.
        """
        from engine.models.mixture import Mixture

        if (mix.method, mix.options) not in self._prepared:
            method = plugins.load(methods, mix.method)
            options = build(method.Config, dict(mix.options), where=mix.method)
            self._prepared = {(mix.method, mix.options): method.prepare(ensemble.experts, options)}
        merged = self._prepared[mix.method, mix.options](_known(mix, ensemble))
        mixture = Mixture(ensemble.painter.pipe.unet, {"merged": merged.expert})
        try:
            self._paint(ensemble.painter, cells, mixture, [{"merged": 1.0}] * len(cells))
        finally:
            mixture.remove()

    def _open(self, run: Store) -> "Ensemble":
        """The run's base with its experts beside it; what was painted by others is forgotten."""
        from engine.models.ensemble import Ensemble

        base = contents.base_of(run)
        files = {
            path.parent.name: path for path in sorted(run.folder.glob(f"experts/*/{FILE_NAME}"))
        }
        found = tuple((str(path), path.stat().st_mtime_ns) for path in files.values())
        if self._ensemble is None or (self._base, self._files) != (base, found):
            if self._ensemble is not None:
                self._ensemble.remove()
            self._ensemble = None
            if self._base != base:
                self._painter = None  # two bases might not fit
            self._prepared.clear()
            self._kept.clear()
            opened = Ensemble(base["model"], base["revision"], run, files, self._painter)
            self._painter, self._base = (
                opened.painter,
                base,
            )  # an expert that is refused does not cost the base
            opened.mixture  # noqa: B018 - load now, so that an error leaves nothing half open
            self._ensemble, self._files = opened, found
        return self._ensemble


def _weights(mix: Mix | None, ensemble: "Ensemble") -> dict[str, float]:
    """What each expert's delta is multiplied by."""
    if mix is None or not ensemble.folders:
        return {}
    return preview_weights.coefficients(mix.method, dict(mix.options), _known(mix, ensemble))


def _known(mix: Mix, ensemble: "Ensemble") -> dict[str, float]:
    known = {name: weight for name, weight in mix.weights if name in ensemble.folders}
    weights.check(known)
    return known


def _is_live(mix: Mix | None) -> bool:
    """Whether the mixture shows it as it is: the base, and sums of deltas."""
    return mix is None or preview_weights.is_live(mix.method)
