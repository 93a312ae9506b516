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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from engine import jobs, worlds
from engine.core import weights
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice
from engine.core.store import Store
from engine.merge import methods, preview_weights
from engine.models.bases import Base
from engine.models.lora.cards import FILE_NAME
from engine.runs import contents

if TYPE_CHECKING:
    from engine.models.diffusion import Painter
    from engine.models.ensemble import Ensemble
    from engine.models.mixture import Mixture

STEPS = 20
USUAL_GUIDANCE = worlds.usual().GUIDANCE
REMEMBERED = 512
"""How many pictures are kept."""
Items = tuple[tuple[str, float], ...]
"""A mapping that can be part of a key."""
Mixer = Callable[[Mapping[str, float]], Any]
"""What a merge method has prepared: from weights to the merged expert."""
MERGED = "merged"


@dataclass(frozen=True)
class Merge:
    """Experts merged by a method."""

    method: PluginChoice
    weights: Items

    @staticmethod
    def of_weights(method: PluginChoice, weights: Mapping[str, float]) -> "Merge":
        return Merge(method, tuple(weights.items()))

    @staticmethod
    def single(expert: str) -> "Merge":
        """One expert, whole."""
        return Merge(PluginChoice(methods, "weighted"), ((expert, 1.0),))


@dataclass(frozen=True)
class PictureRequest:
    """One picture to paint; without a merge it is the base's."""

    prompt: str
    seed: int
    guidance: float
    merge: Merge | None = None
    steps: int = STEPS


class Preview:
    """Keeps the base and the experts of the run shown last. One painting at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base: Base | None = None
        self._painter: Painter | None = None
        self._threads = 0
        self._ensemble: Ensemble | None = None
        self._mixture: Mixture | None = None
        self._files: list[tuple[str, int]] = []
        self._mixers: dict[PluginChoice, Mixer] = {}
        self._pictures: OrderedDict[PictureRequest, Image.Image] = OrderedDict()

    def paint(self, run: Store, requests: Sequence[PictureRequest]) -> list[Image.Image]:
        """Raises EngineError, naming the remedy, for what cannot be loaded, and for a merge of
        nothing.
        """
        with self._lock:
            ensemble = self._open(run)
            self._paint_missing(ensemble, dict.fromkeys(requests))
            pictures = [self._pictures[request] for request in requests]
            while len(self._pictures) > REMEMBERED:
                self._pictures.popitem(last=False)
            return pictures

    def is_warm(self, run: Store) -> bool:
        """Whether the run's base is loaded and nobody is loading another."""
        return self._ensemble is not None and self._base == contents.base_of(run)

    def warm(self, run: Store) -> None:
        """Load in the background, so that the first picture need not wait."""
        threading.Thread(target=self._load, args=(run,), daemon=True).start()

    def _load(self, run: Store) -> None:
        # what fails here fails again for the first picture, and is said to whoever wants it
        with suppress(EngineError), self._lock:
            self._open(run)

    def _paint_missing(self, ensemble: "Ensemble", requests: Mapping[PictureRequest, Any]) -> None:
        """What is not remembered: all sums of deltas in one batch, every other merge in its own."""
        live: list[PictureRequest] = []
        by_merge: dict[Merge, list[PictureRequest]] = {}
        for request in requests:
            merge = request.merge
            if request in self._pictures:
                continue
            if merge is None or preview_weights.is_live(merge.method):
                live.append(request)
            else:
                by_merge.setdefault(merge, []).append(request)
        mix = [_coefficients(request.merge, ensemble) for request in live]
        self._paint(ensemble.painter, live, self._mixture, mix)
        for merge, of_merge in by_merge.items():
            self._paint_merged(ensemble, merge, of_merge)

    def _paint(
        self,
        painter: "Painter",
        requests: Sequence[PictureRequest],
        mixture: "Mixture | None",
        mix: Sequence[Mapping[str, float]],
    ) -> None:
        """One batch, from the same noise where the seed is the same."""
        if not requests:
            return
        from engine.models.diffusion import PaintingOptions

        self._share_cores()
        prompts = [request.prompt for request in requests]
        seeds = [request.seed for request in requests]
        guidance = [request.guidance for request in requests]
        rows = mixture.rows(mix) if mixture else None
        steps = requests[0].steps
        options = PaintingOptions(steps=steps, mixture=mixture, mix=rows)
        painted = painter.paint(prompts, seeds, guidance, options)
        for request, picture in zip(requests, painted, strict=True):
            self._pictures[request] = picture.image

    def _share_cores(self) -> None:
        """One thread while a job works. On two cores a picture beside a training takes 1.5 s so;
        with two threads, that wait for each other awake as the training's own do, it took up to 36
        s."""
        import torch

        self._threads = self._threads or torch.get_num_threads()
        torch.set_num_threads(1 if jobs.running_job() else self._threads)

    def _paint_merged(
        self, ensemble: "Ensemble", merge: Merge, requests: Sequence[PictureRequest]
    ) -> None:
        """By a method that the mixture cannot show live: as the one LoRA that it makes of the
        experts.
        """
        from engine.models.mixture import Mixture

        merged = self._mixer(ensemble, merge)(_weights(merge, ensemble))
        mixture = Mixture(ensemble.painter.module, {MERGED: merged.expert})
        try:
            self._paint(ensemble.painter, requests, mixture, [{MERGED: 1.0}] * len(requests))
        finally:
            mixture.remove()

    def _mixer(self, ensemble: "Ensemble", merge: Merge) -> Mixer:
        """The method's preparation, which the sliders do not change; that of one method is kept."""
        method = merge.method
        if method not in self._mixers:
            mixer = methods.prepare(method.module, ensemble.experts, method.config())
            self._mixers = {method: mixer}
        return self._mixers[method]

    def _open(self, run: Store) -> "Ensemble":
        """The run's base with its experts; what was painted by others is forgotten."""
        base = contents.base_of(run)
        experts = sorted(run.folder.glob(f"experts/*/{FILE_NAME}"))
        files = [(str(file), file.stat().st_mtime_ns) for file in experts]
        if self._ensemble is not None and self._base == base and self._files == files:
            return self._ensemble
        self._close(base)
        return self._open_anew(run, base, experts, files)

    def _close(self, next_base: Base) -> None:
        if self._ensemble is not None:
            self._ensemble.remove()
        self._ensemble = self._mixture = None
        if self._base != next_base:
            self._painter = None  # two bases might not fit
        self._mixers.clear()
        self._pictures.clear()

    def _open_anew(
        self,
        run: Store,
        base: Base,
        experts: Sequence[Path],
        files: list[tuple[str, int]],
    ) -> "Ensemble":
        from engine.models.ensemble import Ensemble

        names = [file.parent.name for file in experts]
        ensemble = Ensemble(base, run, names, self._painter)
        self._painter = ensemble.painter  # an expert that is refused does not cost the base
        self._base = base
        self._mixture = ensemble.mixture  # loads the experts: an error leaves nothing half open
        self._ensemble = ensemble
        self._files = files
        return ensemble


def _coefficients(merge: Merge | None, ensemble: "Ensemble") -> dict[str, float]:
    """What each expert's delta is multiplied by."""
    if merge is None or not ensemble.folders:
        return {}
    return preview_weights.coefficients(merge.method, _weights(merge, ensemble))


def _weights(merge: Merge, ensemble: "Ensemble") -> dict[str, float]:
    """The weights of the experts that are still there."""
    known = {name: weight for name, weight in merge.weights if name in ensemble.folders}
    weights.check(known)
    return known
