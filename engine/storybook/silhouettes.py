"""Silhouettes in a picture's pixels: connected, filled, and each compared with the eight shapes."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from engine.storybook.scenes import SIZE_PIXELS, Thing, coverage
from engine.storybook.shapes import KINDS

Floats = NDArray[np.floating]
Masks = NDArray[np.bool_]

LEAST_OVERLAP = 0.82
RADIUS_PIXELS = (5.5, 15.0)
LATTICE = np.linspace(-1.6, 1.6, 28, dtype=np.float32)
"""Where silhouettes are sampled, in halves of the square root of their area."""

BLUR_RADII = 0.15
"""How far, in radii, the blur of a painter reaches that rounds the corners of small shapes."""

_MIDDLES = np.arange(SIZE_PIXELS, dtype=np.float32) + 0.5
_ALL_NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Fit:
    """The best template; `kind` is "" where even that one does not fit. x and y are the shape's own
    centre.
    """

    kind: str
    overlap: float
    x: float
    y: float
    radius: float
    area: float


def components(mask: Masks, least_area: int) -> Masks:
    """(n, 64, 64): the connected silhouettes of a (64, 64) mask, corners touching, that are large
    enough.
    """
    labels, _ = ndimage.label(mask, _ALL_NEIGHBOURS)
    large = np.bincount(labels.ravel()) >= least_area
    large[0] = False
    return labels == np.flatnonzero(large)[:, None, None]


def filled(mask: Masks) -> Masks:
    """The mask and all it encloses; `scipy.ndimage.binary_fill_holes` is twenty times slower."""
    labels, number = ndimage.label(~mask)
    hole = np.ones(number + 1, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        hole[edge] = False
    return mask | hole[labels]


def bridged(mask: Masks) -> Masks:
    """The (64, 64) mask and single rows that it misses, where a blurred stripe looks like the
    background.
    """
    wide = mask.copy()
    above, below = mask[:-2], mask[2:]
    wide[1:-1] |= above & below
    return wide


def dilated(mask: Masks) -> Masks:
    """The (64, 64) mask and all within two pixels of it, along rows and columns."""
    wide = mask.copy()
    for step in (1, 2):
        wide[step:] |= mask[:-step]
        wide[:-step] |= mask[step:]
        wide[:, step:] |= mask[:, :-step]
        wide[:, :-step] |= mask[:, step:]
    return wide


def eroded(masks: Masks) -> Masks:
    """(n, 64, 64) without the pixels that touch another by a side which is outside."""
    core = masks.copy()
    core[:, 1:] &= masks[:, :-1]
    core[:, :-1] &= masks[:, 1:]
    core[:, :, 1:] &= masks[:, :, :-1]
    core[:, :, :-1] &= masks[:, :, 1:]
    return core


def fit(masks: Masks) -> list[Fit]:
    """Fit (n, 64, 64) silhouettes, none of them empty; the overlap is intersection over union at
    unit area.
    """
    canonical, areas, xs, ys = _canonical(masks.astype(np.float32))
    templates, unit_areas, offsets = _templates()
    overlaps = _overlaps(canonical, templates)
    best, overlap = overlaps.argmax(1), overlaps.max(1)
    radii = np.sqrt(areas / unit_areas[best])
    xs = xs - offsets[best, 0] * radii
    ys = ys - offsets[best, 1] * radii
    least_radius, most_radius = RADIUS_PIXELS
    is_sized = (least_radius <= radii) & (radii <= most_radius)
    is_fit = is_sized & (overlap >= LEAST_OVERLAP)
    numbers = np.stack([overlap, xs, ys, radii, areas], 1).tolist()
    fits = []
    for template, good, row in zip(best, is_fit, numbers, strict=True):
        kind = KINDS[template % len(KINDS)] if good else ""
        fits.append(Fit(kind, *row))
    return fits


def _overlaps(silhouettes: Floats, templates: Floats) -> Floats:
    """(silhouettes, templates): intersection over union of each with each.

    Summed over the lattice, min(a, b) is (a + b - |a - b|) / 2, and max(a, b) is the same with a
    plus.
    """
    total = silhouettes.sum(1)[:, None] + templates.sum(1)
    apart = cdist(silhouettes, templates, "cityblock")
    return (total - apart) / (total + apart)


def _canonical(masks: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(n, lattice squared) bilinear samples around the centroid at unit area, with areas and
    centroids in pixels.
    """
    down, across = masks.sum(2), masks.sum(1)
    areas = down.sum(1)
    xs, ys = across @ _MIDDLES / areas, down @ _MIDDLES / areas
    steps = LATTICE * np.sqrt(areas)[:, None] / 2
    rows, columns = _taps(ys[:, None] + steps), _taps(xs[:, None] + steps)
    sampled = rows @ masks @ columns.transpose(0, 2, 1)
    return sampled.reshape(len(masks), LATTICE.size**2), areas, xs, ys


def _taps(positions: Floats) -> Floats:
    """(n, positions, pixels) bilinear weights."""
    return np.maximum(1 - np.abs(positions[..., None] - _MIDDLES), 0)


@cache
def _templates() -> tuple[Floats, Floats, Floats]:
    """(2 kinds, lattice squared), areas at radius 1, and centroids relative to the shape's centre.

    Every shape sharp, then every shape as painters paint small ones, its corners rounded by a blur.
    """
    middle, radius = SIZE_PIXELS / 2, 24.0
    sharp = np.zeros((len(KINDS), SIZE_PIXELS, SIZE_PIXELS))
    for index, kind in enumerate(KINDS):
        window, whole, _ = coverage(Thing(kind, "red", middle, middle, radius), "filled")
        sharp[index][window] = whole
    blur = BLUR_RADII * radius
    rounded = ndimage.gaussian_filter(sharp, (0, blur, blur)) > 0.5
    shapes = np.concatenate([sharp, rounded]).astype(np.float32)
    masks, areas, xs, ys = _canonical(shapes)
    offsets = np.stack([xs - middle, ys - middle], 1)
    return masks, areas / radius**2, offsets / radius
