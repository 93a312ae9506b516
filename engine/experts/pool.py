"""Every picture of a run's skills as latents and embeddings, on the device, once: experts choose
rows of it.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store
from engine.experts import edits, latents
from engine.experts.devices import Devices
from engine.experts.latents import Encoded
from engine.models.conditions import Conditions
from engine.models.diffusion import Painter


@dataclass(frozen=True)
class Pool:
    """Rows of all skills, one after another; kept in the type they were stored in."""

    latents: Tensor
    """(n, c, h, w), as the network sees them."""
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

    def captions(self, rows: Tensor, dropped: Tensor | None = None) -> Conditions:
        """Conditions of some rows, the empty text's where `dropped`."""
        text = self.text.rows(rows).to(dtype=self.text_dtype)
        return text if dropped is None else text.replaced(dropped, self.empty)

    def name(self, row: int) -> str:
        """Skill and number of a row, whatever other skills lie in the pool."""
        skill, rows = next((skill, rows) for skill, rows in self.rows.items() if row in rows)
        return f"{skill}/{row - rows.start}"


def load(
    store: Store, skills: Sequence[str], painter: Painter, devices: Devices | None = None
) -> Generator[Event, None, Pool]:
    """Read the skills' pictures as latents and embeddings, and say so skill by skill.

    What people edited is encoded first, by the process that writes; the others wait for it.

    Raises EngineError, naming the remedy, when they are missing, damaged or do not fit the base.
    """
    parts: list[Encoded] = []
    own = devices or Devices()
    for skill in skills:
        found = latents.curated(store, skill)
        if own.writes:
            yield from edits.encode(store.images(skill), found, painter)
        own.meet()
        parts.append(latents.load(store, skill, painter))
        by_hand = f" By hand: {told}." if (told := found.summary()) else ""
        yield Event(f"Read {len(parts[-1].texts)} pictures of {skill}.{by_hand}")
    shapes = {tuple(part.latents.shape[1:]) for part in parts}
    if len(shapes) > 1:
        raise EngineError(
            "The skills' pictures have different sizes (latents of "
            f"{', '.join(map(str, shapes))}). "
            "Paint them all with one size."
        )
    ends = torch.tensor([len(part.texts) for part in parts]).cumsum(0).tolist()
    rows = {
        skill: range(end - len(part.texts), end)
        for skill, part, end in zip(skills, parts, ends, strict=True)
    }
    weights = painter.dtype
    return Pool(
        torch.cat([part.latents for part in parts]),
        Conditions.cat([part.text for part in parts]),
        parts[0].empty,
        [text for part in parts for text in part.texts],
        rows,
        torch.promote_types(weights, torch.float32),
        weights,
    )
