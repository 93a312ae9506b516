"""Which of the eight shapes a silhouette is: brought to unit area around its centroid and laid over each template."""
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from engine.storybook.scenes import SIZE_PIXELS, Thing, coverage
from engine.storybook.shapes import KINDS

Floats = NDArray[np.floating]
Masks = NDArray[np.bool_]

LEAST_OVERLAP = 0.80
RADIUS_PIXELS = (5.5, 15.0)
LATTICE = np.linspace(-1.6, 1.6, 32)
"""Where silhouettes are sampled, in halves of the square root of their area."""

_MIDDLES = np.arange(SIZE_PIXELS) + 0.5


@dataclass(frozen=True)
class Fit:
    """The best template; `kind` is "" where even that one does not fit. x and y are the shape's own centre."""

    kind: str
    overlap: float
    x: float
    y: float
    radius: float
    area: float


def fit(masks: Masks) -> list[Fit]:
    """Fit (n, 64, 64) silhouettes, none of them empty; the overlap is intersection over union."""
    if not len(masks):
        return []
    canonical, areas, xs, ys = _canonical(masks.astype(np.float32))
    templates, unit_areas, offsets = _templates()
    # min(a, b) and max(a, b) summed are (a + b -+ |a - b|) / 2 summed.
    total = canonical.sum(1)[:, None] + templates.sum(1)
    apart = cdist(canonical, templates, "cityblock")
    overlaps = (total - apart) / (total + apart)
    return [_best(*row, unit_areas, offsets) for row in zip(overlaps, areas, xs, ys, strict=True)]


def _best(overlaps: Floats, area: float, x: float, y: float, unit_areas: Floats, offsets: Floats) -> Fit:
    best = int(overlaps.argmax())
    radius = float((area / unit_areas[best]) ** 0.5)
    fits = overlaps[best] >= LEAST_OVERLAP and RADIUS_PIXELS[0] <= radius <= RADIUS_PIXELS[1]
    x, y = x - offsets[best, 0] * radius, y - offsets[best, 1] * radius
    return Fit(KINDS[best] if fits else "", float(overlaps[best]), float(x), float(y), radius, float(area))


def _canonical(masks: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(n, lattice squared) bilinear samples at unit area, with area and centroid in pixels."""
    down, across = masks.sum(2), masks.sum(1)
    areas = down.sum(1)
    xs, ys = across @ _MIDDLES / areas, down @ _MIDDLES / areas
    steps = LATTICE * np.sqrt(areas)[:, None] / 2
    rows, columns = _taps(ys[:, None] + steps), _taps(xs[:, None] + steps)
    sampled = rows @ masks @ columns.transpose(0, 2, 1)
    return sampled.reshape(len(masks), -1), areas, xs, ys


def _taps(positions: Floats) -> Floats:
    """(n, positions, pixels) bilinear weights."""
    return np.clip(1 - np.abs(positions[..., None] - _MIDDLES), 0, None).astype(np.float32)


@cache
def _templates() -> tuple[Floats, Floats, Floats]:
    """(kinds, lattice squared), areas at radius 1, and centroids relative to the shape's centre."""
    middle, radius = SIZE_PIXELS / 2, 24.0
    canvas = np.zeros((len(KINDS), SIZE_PIXELS, SIZE_PIXELS))
    for index, kind in enumerate(KINDS):
        window, whole, _ = coverage(Thing(kind, "red", middle, middle, radius), "filled")
        canvas[index][window] = whole
    masks, areas, xs, ys = _canonical(canvas)
    return masks, areas / radius**2, np.stack([xs - middle, ys - middle], 1) / radius
