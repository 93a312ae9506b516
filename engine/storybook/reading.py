"""Reading a picture: things, colours, places, style and background from the pixels alone.

Connected silhouettes are compared with the eight shapes, and their paint with the palette. What
fits nothing is a thing without a kind or a colour: a miss.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.storybook.inks import Indices, Inks, background
from engine.storybook.scenes import SIZE_PIXELS, Rgb, Thing
from engine.storybook.shapes import COLOURS
from engine.storybook.silhouettes import Fit, Masks, bridged, components, filled, fit, grown

LEAST_BACKGROUND_SHARE = 0.3
LEAST_AREA_PIXELS = 14
LEAST_PIECE_PIXELS = 42
"""What a blob is taken apart into by colour is at least so large."""
SURE_OVERLAP, SURE_SHARE = 0.85, 0.85
"""A blob is looked at again when its parts overlap less with their shapes, or leave more of it
unexplained.
"""
LEAST_READ_SHARE = 0.8
"""So much of a blob must be readable things before it is taken apart by colour."""
LEVELS = (0.35, 0.5, 0.65)
"""How far from background to colour the edge of a silhouette lies; blurred things touch at the
lowest.
"""


@dataclass(frozen=True)
class Seen:
    """What a picture shows. `flags` say in words what could not be read."""

    things: tuple[Thing, ...]
    background: str | None
    style: str | None
    flags: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        things = [
            {"kind": t.kind, "colour": t.colour, "x": round(t.x, 1), "y": round(t.y, 1)}
            for t in self.things
        ]
        return {
            "things": things,
            "background": self.background,
            "style": self.style,
            "flags": list(self.flags),
        }


@dataclass(frozen=True)
class _Part:
    """A connected silhouette: what shape it is, its likeliest colour, and whether it clearly is of
    that colour.
    """

    mask: Masks
    fit: Fit
    colour: int
    pure: bool

    @property
    def readable(self) -> bool:
        return bool(self.fit.kind) and self.pure

    def thing(self) -> Thing:
        colour = list(COLOURS)[self.colour] if self.pure else ""
        return Thing(self.fit.kind, colour, self.fit.x, self.fit.y, self.fit.radius)

    def flag(self) -> str:
        spot = f"at ({self.fit.x:.0f}, {self.fit.y:.0f})"
        if not self.fit.kind:
            return f"a shape {spot} fits nothing (best overlap {self.fit.overlap:.2f})"
        return "" if self.pure else f"the {self.fit.kind} {spot} has no clear colour"


@dataclass
class _Cut:
    """One way to cut a blob into parts; the area is that of the parts and of what they leave out."""

    parts: list[_Part] = field(default_factory=list)
    area: float = 0.0

    def read_share(self) -> float:
        return sum(p.fit.area for p in self.parts if p.readable) / max(self.area, 1.0)

    def rank(self) -> tuple[float, float]:
        overlap = sum(p.fit.area * p.fit.overlap for p in self.parts if p.readable)
        return overlap / max(self.area, 1.0), max((p.fit.overlap for p in self.parts), default=0.0)


def read(picture: Rgb) -> Seen:
    """Read a (64, 64, 3) uint8 picture. Other sizes are the caller's to shrink first."""
    assert picture.shape == (SIZE_PIXELS, SIZE_PIXELS, 3), picture.shape
    pixels = np.ascontiguousarray(picture.reshape(-1, 3).T, np.float32)
    setting, share, ground = background(pixels)
    if share < LEAST_BACKGROUND_SHARE:
        return Seen((), None, None, (f"no background: the commonest covers {share:.0%}",))
    inks = Inks(pixels, ground)
    parts = _parts(inks)
    if not parts:
        return Seen((), setting, None)
    voters = [p for p in parts if p.fit.kind] or parts
    styles = inks.styles(np.stack([p.mask for p in voters]), np.array([p.colour for p in voters]))
    flags = tuple(p.flag() for p in parts if not p.readable)
    return Seen(tuple(p.thing() for p in parts), setting, _majority(styles), flags)


def _parts(inks: Inks) -> list[_Part]:
    """Every thing, or what may be one; a blob that is none as a whole is taken apart by its
    colours.
    """
    blobs = inks.distinct(components(bridged(inks.foreground), LEAST_AREA_PIXELS))
    if not len(blobs):
        return []
    labels = np.where(blobs.any(0), blobs.argmax(0) + 1, 0)
    inked, closed = inks.silhouettes(np.append(0, inks.colours(blobs)[0])[labels], level=0.5)
    cuts = _cut(inks, labels, [[inked]], LEAST_AREA_PIXELS)
    unsure = _only(labels, [n for n, cut in cuts.items() if cut.rank()[0] < SURE_OVERLAP])
    for n, cut in _cut(inks, unsure, [[closed]], LEAST_AREA_PIXELS).items():
        cuts[n] = max(cuts[n], cut, key=_Cut.rank)
    unread = _only(labels, [n for n, cut in cuts.items() if cut.read_share() < SURE_SHARE])
    ways = _by_colour(inks, unread > 0) if unread.any() else []
    for n, cut in _cut(inks, unread, ways, LEAST_PIECE_PIXELS).items():
        if cut.read_share() >= LEAST_READ_SHARE and cut.rank() > cuts[n].rank():
            cuts[n] = cut
    return [
        part for n, cut in cuts.items() for part in cut.parts or _describe(inks, blobs[n - 1 : n])
    ]


def _by_colour(inks: Inks, inside: Masks) -> list[list[Masks]]:
    """Silhouettes at several levels, each as one mask a colour."""
    local = inks.local_colours()
    present = np.unique(local[inside])
    return [
        [silhouette & (local == colour) for colour in present]
        for level in LEVELS
        for silhouette in inks.silhouettes(local, level)
    ]


def _cut(inks: Inks, labels: Indices, ways: list[list[Masks]], least_area: int) -> dict[int, _Cut]:
    """For each blob of (64, 64) labels the best of several ways to see it as connected silhouettes."""
    numbers: list[int] = (np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1).tolist()
    if not numbers:
        return {}
    cuts: list[dict[int, _Cut]] = []
    owners: list[_Cut] = []
    pieces: list[Masks] = []
    inside = labels > 0
    for masks in ways:
        found = np.concatenate([components(filled(mask & inside), least_area) for mask in masks])
        left = np.bincount(labels[~grown(np.any(found, axis=0))], minlength=numbers[-1] + 1)
        cuts.append({n: _Cut(area=float(left[n])) for n in numbers})
        first_pixels = found.reshape(len(found), SIZE_PIXELS**2).argmax(1)
        owners += [cuts[-1][n] for n in labels.ravel()[first_pixels].tolist()]
        pieces.append(found)
    for owner, part in zip(owners, _describe(inks, np.concatenate(pieces)), strict=True):
        owner.parts.append(part)
        owner.area += part.fit.area
    return {n: max((cut[n] for cut in cuts), key=_Cut.rank) for n in numbers}


def _describe(inks: Inks, masks: Masks) -> list[_Part]:
    return [_Part(*row) for row in zip(masks, fit(masks), *inks.colours(masks), strict=True)]


def _only(labels: Indices, numbers: list[int]) -> Indices:
    kept = np.zeros(labels.max() + 1, labels.dtype)
    kept[numbers] = numbers
    return kept[labels]


def _majority(styles: list[str]) -> str | None:
    best = max(set(styles), key=styles.count, default=None)
    return best if best is not None and styles.count(best) * 2 > len(styles) else None
