"""Reading a picture: things, colours, places, style and background from the pixels alone.

Connected silhouettes are compared with the eight shapes, and their paint with the palette. What
fits nothing is a thing without a kind or a colour: a miss.
"""

from dataclasses import dataclass, field

import numpy as np

from engine.storybook.inks import Indices, Inks, background
from engine.storybook.scenes import SIZE_PIXELS, Rgb, Thing
from engine.storybook.shapes import COLOURS
from engine.storybook.silhouettes import Fit, Masks, bridged, components, dilated, filled, fit

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
class PictureReading:
    """What a picture shows. `flags` say in words what could not be read."""

    things: tuple[Thing, ...]
    background: str | None
    style: str | None
    flags: tuple[str, ...] = ()


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
    """One way to cut a blob into parts; the area is that of the parts and of what is left out."""

    parts: list[_Part] = field(default_factory=list)
    area: float = 0.0

    def read_share(self) -> float:
        """Of the area: readable things."""
        read_area = sum(part.fit.area for part in self._readable())
        return read_area / max(self.area, 1.0)

    def mean_overlap(self) -> float:
        """Of readable things with their shapes; what is none counts as 0."""
        overlap = sum(part.fit.area * part.fit.overlap for part in self._readable())
        return overlap / max(self.area, 1.0)

    def rank(self) -> tuple[float, float]:
        """The better of two cuts has the larger."""
        best_overlap = max((part.fit.overlap for part in self.parts), default=0.0)
        return self.mean_overlap(), best_overlap

    def _readable(self) -> list[_Part]:
        return [part for part in self.parts if part.readable]


def read(picture: Rgb) -> PictureReading:
    """Read a (64, 64, 3) uint8 picture. Other sizes are the caller's to shrink first."""
    assert picture.shape == (SIZE_PIXELS, SIZE_PIXELS, 3), picture.shape
    pixels = np.ascontiguousarray(picture.reshape(-1, 3).T, np.float32)
    setting, share, ground = background(pixels)
    if share < LEAST_BACKGROUND_SHARE:
        return PictureReading((), None, None, (f"no background: the commonest covers {share:.0%}",))
    inks = Inks(pixels, ground)
    parts = _parts(inks)
    if not parts:
        return PictureReading((), setting, None)
    things, flags = [], []
    for part in parts:
        things.append(part.thing())
        if not part.readable:
            flags.append(part.flag())
    return PictureReading(tuple(things), setting, _style(inks, parts), tuple(flags))


def _style(inks: Inks, parts: list[_Part]) -> str | None:
    """The style that most things are drawn in; shapes that fit nothing vote where all are such."""
    voters = [part for part in parts if part.fit.kind] or parts
    masks = np.stack([part.mask for part in voters])
    colours = np.array([part.colour for part in voters])
    return _majority(inks.styles(masks, colours))


def _parts(inks: Inks) -> list[_Part]:
    """Every thing, or what may be one; a blob that is none as a whole is taken apart by its
    colours.
    """
    blobs = inks.distinct(components(bridged(inks.foreground), LEAST_AREA_PIXELS))
    if not len(blobs):
        return []
    labels = np.where(blobs.any(0), blobs.argmax(0) + 1, 0)
    colour_of_label = np.append(0, inks.colours(blobs)[0])
    inked, closed = inks.silhouettes(colour_of_label[labels], level=0.5)
    cuts = _cut(inks, labels, [[inked]], LEAST_AREA_PIXELS)
    unsure = [n for n, cut in cuts.items() if cut.mean_overlap() < SURE_OVERLAP]
    again = _cut(inks, _only(labels, unsure), [[closed]], LEAST_AREA_PIXELS)
    for n, cut in again.items():
        cuts[n] = max(cuts[n], cut, key=_Cut.rank)
    _take_apart(inks, labels, cuts)
    parts: list[_Part] = []
    for n, cut in cuts.items():
        parts += cut.parts or _describe(inks, blobs[n - 1 : n])
    return parts


def _take_apart(inks: Inks, labels: Indices, cuts: dict[int, _Cut]) -> None:
    """By colour, each blob of which too little is read, where that reads more."""
    unread = _only(labels, [n for n, cut in cuts.items() if cut.read_share() < SURE_SHARE])
    if not unread.any():
        return
    ways = _by_colour(inks, unread > 0)
    for n, cut in _cut(inks, unread, ways, LEAST_PIECE_PIXELS).items():
        if cut.read_share() >= LEAST_READ_SHARE and cut.rank() > cuts[n].rank():
            cuts[n] = cut


def _by_colour(inks: Inks, inside: Masks) -> list[list[Masks]]:
    """Silhouettes at several levels, each as one mask a colour."""
    local = inks.local_colours()
    present = np.unique(local[inside])
    ways = []
    for level in LEVELS:
        for silhouette in inks.silhouettes(local, level):
            ways.append([silhouette & (local == colour) for colour in present])
    return ways


def _cut(inks: Inks, labels: Indices, ways: list[list[Masks]], least_area: int) -> dict[int, _Cut]:
    """For each blob of (64, 64) labels the best of several ways to see it as silhouettes."""
    pixels_of_label = np.bincount(labels.ravel())[1:]
    numbers: list[int] = (np.flatnonzero(pixels_of_label) + 1).tolist()
    if not numbers:
        return {}
    cuts: list[dict[int, _Cut]] = []
    owners: list[_Cut] = []
    pieces: list[Masks] = []
    inside = labels > 0
    for masks in ways:
        closed = [filled(mask & inside) for mask in masks]
        silhouettes = np.concatenate([components(mask, least_area) for mask in closed])
        is_left_out = ~dilated(np.any(silhouettes, axis=0))
        left_out = np.bincount(labels[is_left_out], minlength=numbers[-1] + 1)
        cut_of = {n: _Cut(area=float(left_out[n])) for n in numbers}
        cuts.append(cut_of)
        first_pixels = silhouettes.reshape(len(silhouettes), SIZE_PIXELS**2).argmax(1)
        owners += [cut_of[n] for n in labels.ravel()[first_pixels].tolist()]
        pieces.append(silhouettes)
    for owner, part in zip(owners, _describe(inks, np.concatenate(pieces)), strict=True):
        owner.parts.append(part)
        owner.area += part.fit.area
    best = {}
    for n in numbers:
        best[n] = max([cut_of[n] for cut_of in cuts], key=_Cut.rank)
    return best


def _describe(inks: Inks, masks: Masks) -> list[_Part]:
    colours, is_pure = inks.colours(masks)
    rows = zip(masks, fit(masks), colours, is_pure, strict=True)
    return [_Part(*row) for row in rows]


def _only(labels: Indices, numbers: list[int]) -> Indices:
    new_label = np.zeros(labels.max() + 1, labels.dtype)
    new_label[numbers] = numbers
    return new_label[labels]


def _majority(styles: list[str]) -> str | None:
    best = max(set(styles), key=styles.count)
    return best if styles.count(best) * 2 > len(styles) else None
