"""A base with experts beside it, as the evaluation, the search and the grid paint with; loaded when
first needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from engine.core.errors import EngineError
from engine.core.store import Store
from engine.models import bases, checkpoints, diffusion, families, tensor_files
from engine.models.bases import Base
from engine.models.diffusion import Painter, PaintingOptions
from engine.models.lora import expert_files
from engine.models.lora.factors import Expert
from engine.models.mixture import Mixture


class Ensemble:
    """A base by name and the experts or merges of a run."""

    def __init__(
        self,
        base: Base,
        store: Store,
        experts: Iterable[str],
        painter: Painter | None = None,
    ) -> None:
        """`painter` is the base where it is loaded already, with the same encoder. Raises
        EngineError for experts that are not there.
        """
        self.base = base
        self.folders = {name: locate(store, name) for name in sorted(set(experts))}
        if painter is not None:
            self.painter = painter

    @cached_property
    def painter(self) -> Painter:
        model, revision, encoder = self.base
        return diffusion.load(model, revision, encoder=encoder)

    @cached_property
    def experts(self) -> dict[str, Expert]:
        """By name. Raises EngineError for a base that takes none or is not theirs."""
        if self.folders and self.painter.family is None:
            raise EngineError(
                f"{self.base.model} can paint but takes no experts. Leave them out, or choose a "
                f"base of {families.choices()}."
            )
        experts = {}
        for name, folder in self.folders.items():
            file = expert_files.read(folder)
            self._check_base(name, file.recipe.get("base") or {})
            experts[name] = file.expert
        return experts

    def _check_base(self, name: str, base: Mapping[str, Any]) -> None:
        recorded = base.get("sha256", self.fingerprint)
        if checkpoints.recognised(recorded, self.fingerprint) != self.fingerprint:
            raise EngineError(
                f"{name} was trained on {base.get('model')}, whose weights differ from those of "
                f"{self.base.model}. Use it on the base that it was trained on."
            )
        encoder = bases.encoder_of(base)
        if base and encoder != self.base.encoder:
            raise EngineError(
                f"{name} was trained with the encoder {encoder!r}, and texts are to be read by "
                f"{self.base.encoder!r}. Set encoder to {encoder!r}, or choose experts that were "
                f"trained with {self.base.encoder!r}."
            )

    @cached_property
    def mixture(self) -> Mixture | None:
        """All experts; None without any. Raises EngineError as `experts` does."""
        if not self.experts:
            return None
        return Mixture(self.painter.module, self.experts)

    def remove(self) -> None:
        """Take the experts off the base, which others may go on with."""
        mixture = self.__dict__.pop("mixture", None)  # not loaded only to be removed
        if mixture is not None:
            mixture.remove()

    def paint(
        self,
        texts: Sequence[str],
        seeds: Sequence[int],
        guidance: Sequence[float],
        mixes: Sequence[Mapping[str, float]],
        **how: Any,
    ) -> list[Image.Image]:
        """One batch; every row has its own mixture. `how` holds the sampler and its steps."""
        mix = self.mixture.rows(mixes) if self.mixture else None
        options = PaintingOptions(batch_size=len(texts), mixture=self.mixture, mix=mix, **how)
        painted = self.painter.paint(texts, seeds, guidance, options)
        return [picture.image for picture in painted]

    @cached_property
    def fingerprint(self) -> str:
        """The base's sha256."""
        if "painter" in self.__dict__:
            return self.painter.fingerprint
        folder = checkpoints.pipeline_folder(self.base.model, self.base.revision)
        return checkpoints.fingerprint(folder)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The sha256 of each expert's file."""
        files = {name: folder / expert_files.FILE_NAME for name, folder in self.folders.items()}
        return {name: tensor_files.sha256(file) for name, file in files.items()}


def locate(store: Store, name: str) -> Path:
    """Where an expert or a merge lies. Raises EngineError when neither or both are there."""
    expert, merge = store.expert(name), store.merge(name)
    is_expert = (expert / expert_files.FILE_NAME).is_file()
    is_merge = (merge / expert_files.FILE_NAME).is_file()
    if is_expert and is_merge:
        raise EngineError(f"{name!r} is both an expert and a merge. Give the merge another name.")
    if is_expert or is_merge:
        return expert if is_expert else merge
    names: set[str] = set()
    for part in ("experts", "merges"):
        files = (store.folder / part).glob(f"*/{expert_files.FILE_NAME}")
        names |= {file.parent.name for file in files}
    remedy = f"Choose from {', '.join(sorted(names))}" if names else "Train one first"
    raise EngineError(f"There is no expert or merge called {name!r}. {remedy}.")
