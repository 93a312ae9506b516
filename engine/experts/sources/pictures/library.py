"""Every picture of a run's skills as latents and embeddings, on the device, once: experts choose
rows of it.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store
from engine.experts import edits, latents
from engine.experts.devices import Devices
from engine.experts.latents import EncodedPictures
from engine.models.conditions import Conditions
from engine.models.diffusion import Painter


@dataclass(frozen=True)
class Library:
    """Rows of all skills, one after another; kept in the type they were stored in."""

    latents_NCHW: Tensor
    """As the network sees them."""
    text: Conditions
    empty: Conditions
    """One row: what a dropped caption becomes."""
    texts: list[str]
    rows: dict[str, range]
    """Rows of each skill."""
    dtype: torch.dtype
    """Of the latents that are computed with."""
    text_dtype: torch.dtype
    """Of the embeddings, the base's own."""

    @property
    def device(self) -> torch.device:
        return self.latents_NCHW.device

    def latents(self, rows: Tensor) -> Tensor:
        """Some rows' latents (rows, c, h, w), as they are computed with."""
        return self.latents_NCHW[rows].to(self.dtype)

    def captions(self, rows: Tensor, dropped: Tensor | None = None) -> Conditions:
        """Conditions of some rows, the empty text's where `dropped`."""
        text = self.text.rows(rows).to(dtype=self.text_dtype)
        return text if dropped is None else text.replaced(dropped, self.empty)

    def name(self, row: int) -> str:
        """Skill and number of a row, whatever other skills lie in the library."""
        for skill, rows in self.rows.items():
            if row in rows:
                return f"{skill}/{row - rows.start}"
        raise IndexError(row)


def load(
    store: Store, skills: Sequence[str], painter: Painter, devices: Devices | None = None
) -> Generator[Event, None, Library]:
    """Read the skills' pictures as latents and embeddings, and say so skill by skill.

    What people edited is encoded first, by the process that writes; the others wait for it.

    Raises EngineError, naming the remedy, when they are missing, damaged or do not fit the base.
    """
    parts: dict[str, EncodedPictures] = {}
    devices = devices or Devices()
    for skill in skills:
        pictures = latents.curated_folder(store, skill)
        if devices.writes:
            yield from edits.encode(store.images(skill), pictures, painter)
        devices.meet()
        parts[skill] = latents.load(store, skill, painter)
        by_hand = pictures.summary()
        note = f" By hand: {by_hand}." if by_hand else ""
        yield Event(f"Read {len(parts[skill].texts)} pictures of {skill}.{note}")
    _check_sizes(parts.values())
    return _joined(parts, painter)


def _check_sizes(parts: Collection[EncodedPictures]) -> None:
    sizes = dict.fromkeys(str(tuple(part.latents.shape[1:])) for part in parts)
    if len(sizes) > 1:
        raise EngineError(
            f"The skills' pictures have different sizes (latents of {', '.join(sizes)}). "
            "Paint them all with one size."
        )


def _joined(parts: Mapping[str, EncodedPictures], painter: Painter) -> Library:
    latents_of, conditions = [], []
    texts: list[str] = []
    rows: dict[str, range] = {}
    for skill, part in parts.items():
        rows[skill] = range(len(texts), len(texts) + len(part.texts))
        latents_of.append(part.latents)
        conditions.append(part.text)
        texts += part.texts
    first = next(iter(parts.values()))
    weights = painter.dtype
    return Library(
        torch.cat(latents_of),
        Conditions.cat(conditions),
        first.empty,
        texts,
        rows,
        dtype=torch.promote_types(weights, torch.float32),
        text_dtype=weights,
    )
