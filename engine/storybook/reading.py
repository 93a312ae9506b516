"""Reading a picture: things, colours, places, style and background from the pixels alone.

Foreground pixels are explained as mixtures of the background, white and one palette colour; connected silhouettes are
brought to one size and laid over the eight shapes. What fits nothing is a thing without a kind or colour: a miss.
"""
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.storybook.scenes import SIZE_PIXELS, Rgb, Thing, coverage
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STRIPE

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_BACKGROUND_SHARE = 0.3
LEAST_CONTRAST = 22.0
"""RGB distance from the background at which a pixel belongs to a thing."""
LEAST_AREA_PIXELS = 14
LEAST_OVERLAP = 0.80
RADIUS_PIXELS = (5.5, 15.0)
MOST_OFF_COLOUR = 45.0
LEAST_ONE_COLOUR_SHARE = 0.75
STRIPED_SHARE = 0.20
HOLLOW_SHARE = 0.04
GRID = 36
GRID_HALF_WIDTH = 1.6
"""Templates are sampled on a GRID x GRID lattice over so many square roots of their area to either side."""

_COLOUR_NAMES = tuple(COLOURS)
_PALETTE = np.array(list(COLOURS.values()), float)
_SETTINGS = np.array(list(BACKGROUNDS.values()), float)
_WHITE = np.array(STRIPE, float)
_ALL_NEIGHBOURS = np.ones((3, 3))


@dataclass(frozen=True)
class Seen:
    """What a picture shows. `flags` say in words what could not be read."""

    things: tuple[Thing, ...]
    background: str | None
    style: str | None
    flags: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        return {"things": [{"kind": t.kind, "colour": t.colour, "x": round(t.x, 1), "y": round(t.y, 1)} for t in self.things],
                "background": self.background, "style": self.style, "flags": list(self.flags)}


def read(picture: Rgb) -> Seen:
    """Read a (64, 64, 3) uint8 picture. Other sizes are the caller's to shrink first."""
    assert picture.shape == (SIZE_PIXELS, SIZE_PIXELS, 3), picture.shape
    pixels = picture.astype(float)
    name, share, colour = _background(pixels)
    if share < LEAST_BACKGROUND_SHARE:
        return Seen((), None, None, (f"no background: the commonest covers {share:.0%}",))
    labels, _ = ndimage.label(np.linalg.norm(pixels - colour, axis=-1) > LEAST_CONTRAST, _ALL_NEIGHBOURS)
    things, styles, flags = [], [], []
    for index, window in enumerate(ndimage.find_objects(labels), 1):
        blob = labels[window] == index
        if blob.sum() < LEAST_AREA_PIXELS:
            continue
        for thing, style, flag in _things(blob, pixels[window], colour, (window[1].start, window[0].start)):
            things.append(thing)
            styles.append(style)
            flags += [flag] if flag else []
    return Seen(tuple(things), name, _majority(styles), tuple(flags))


def _background(pixels: Floats) -> tuple[str, float, Floats]:
    """Name, share of the picture, and the colour it really has there."""
    distance = np.linalg.norm(pixels[:, :, None] - _SETTINGS, axis=-1)
    near = (distance.argmin(-1)[..., None] == np.arange(len(_SETTINGS))) & (distance < 40)
    shares = near.mean((0, 1))
    best = int(shares.argmax())
    if not near[..., best].any():
        return "", 0.0, _SETTINGS[best]
    return list(BACKGROUNDS)[best], float(shares[best]), np.median(pixels[near[..., best]], axis=0)


def _things(blob: Mask, pixels: Floats, background: Floats, corner: tuple[int, int]) -> list[tuple[Thing, str, str]]:
    """The thing a blob is; or, if it is no thing as a whole, the things its colours fall apart into."""
    whole = _thing(blob, pixels, background, corner)
    if whole[0].kind and whole[0].colour:
        return [whole]
    nearest = _nearest_colour(pixels)
    parts = []
    for index in range(len(_COLOUR_NAMES)):
        labels, number = ndimage.label(blob & (nearest == index))
        for n in range(1, number + 1):
            if (labels == n).sum() >= 3 * LEAST_AREA_PIXELS:
                parts.append(_thing(labels == n, pixels, background, corner))
    readable = [p for p in parts if p[0].kind and p[0].colour]
    return readable if len(readable) > 1 else [whole]


def _nearest_colour(pixels: Floats) -> NDArray[np.intp]:
    return np.linalg.norm(pixels[:, :, None] - _PALETTE, axis=-1).argmin(-1)


def _thing(blob: Mask, pixels: Floats, background: Floats, corner: tuple[int, int]) -> tuple[Thing, str, str]:
    """(thing, style, flag); kind and colour are "" where they cannot be told, and the flag says why."""
    colour, index = _colour(pixels[blob], background)
    fits = [(_fit(solid), solid) for solid in _silhouettes(blob, pixels, background, index)]
    (kind, overlap, x, y, radius), solid = max(fits, key=lambda fit: fit[0][1])
    style = _style(solid, pixels, background, index)
    x, y, flag = corner[0] + x, corner[1] + y, ""
    if not kind:
        flag = f"a shape at ({x:.0f}, {y:.0f}) fits nothing (best overlap {overlap:.2f})"
    elif not colour:
        flag = f"the {kind} at ({x:.0f}, {y:.0f}) has no single colour"
    return Thing(kind, colour, x, y, radius), style, flag


def _colour(pixels: Floats, background: Floats) -> tuple[str, int]:
    """The palette colour that, mixed with background or white, explains most of the pixels."""
    off = np.minimum(_off_segment(pixels, background), _off_segment(pixels, _WHITE))
    off = np.minimum(off, _off_line(pixels, background, _WHITE)[:, None])
    cost = np.minimum(off, 2 * MOST_OFF_COLOUR).mean(0)
    best = int(cost.argmin())
    # Pixels near the background or white fit every colour; only the rest can speak for or against one.
    strong = np.minimum(np.linalg.norm(pixels - background, axis=-1), np.linalg.norm(pixels - _WHITE, axis=-1)) > 60
    agree = (off[strong, best] < MOST_OFF_COLOUR).mean() if strong.any() else 1.0
    return (_COLOUR_NAMES[best] if agree >= LEAST_ONE_COLOUR_SHARE else ""), best


def _off_segment(pixels: Floats, end: Floats) -> Floats:
    """(n, colours): distance of each pixel to the straight mixture of `end` with each palette colour."""
    direction = _PALETTE - end
    part = np.clip((pixels - end) @ direction.T / (direction**2).sum(-1), 0, 1)
    return np.linalg.norm(pixels[:, None] - end - part[..., None] * direction, axis=-1)


def _off_line(pixels: Floats, start: Floats, end: Floats) -> Floats:
    direction = end - start
    part = np.clip((pixels - start) @ direction / (direction @ direction), 0, 1)
    return np.linalg.norm(pixels - start - part[:, None] * direction, axis=-1)


def _silhouettes(blob: Mask, pixels: Floats, background: Floats, colour: int) -> list[Mask]:
    """Two filled outlines: what is at least half its colour, and that together with what mixes colour and white.

    The second closes striped things, the first is sharper for all others; the better fit decides.
    """
    contrast = np.linalg.norm(pixels - background, axis=-1)
    inked = blob & (contrast > max(0.5 * np.linalg.norm(_PALETTE[colour] - background), LEAST_CONTRAST))
    off = _off_line(pixels.reshape(-1, 3), _WHITE, _PALETTE[colour]).reshape(contrast.shape)
    masks = [ndimage.binary_fill_holes(m) for m in (inked, inked | blob & (off < contrast))]
    return [m if m.sum() >= LEAST_AREA_PIXELS else blob for m in masks]


def _fit(solid: Mask) -> tuple[str, float, float, float, float]:
    """(kind or "", overlap, x, y, radius) of the best fitting template; x and y are the shape's own centre."""
    area = float(solid.sum())
    ys, xs = np.nonzero(solid)
    cx, cy, root = xs.mean() + 0.5, ys.mean() + 0.5, area**0.5
    templates, unit_area, offsets = _templates()
    canonical = _resample(solid.astype(float), cx, cy, root)
    overlap = np.minimum(canonical, templates).sum((1, 2)) / np.maximum(canonical, templates).sum((1, 2))
    best = int(overlap.argmax())
    radius = root / unit_area[best] ** 0.5
    x, y = cx - offsets[best, 0] * radius, cy - offsets[best, 1] * radius
    fits = overlap[best] >= LEAST_OVERLAP and RADIUS_PIXELS[0] <= radius <= RADIUS_PIXELS[1]
    return (KINDS[best] if fits else ""), float(overlap[best]), float(x), float(y), float(radius)


def _resample(mask: Floats, cx: float, cy: float, root: float) -> Floats:
    """(GRID, GRID): the mask around its centroid at unit area, bilinear, nothing outside."""
    lattice = np.linspace(-GRID_HALF_WIDTH, GRID_HALF_WIDTH, GRID) * root / 2
    rows, columns = _taps(mask.shape[0], cy + lattice - 0.5), _taps(mask.shape[1], cx + lattice - 0.5)
    return rows @ mask @ columns.T


def _taps(length: int, positions: Floats) -> Floats:
    """(positions, length) bilinear weights."""
    return np.clip(1 - np.abs(positions[:, None] - np.arange(length)), 0, None)


@cache
def _templates() -> tuple[Floats, Floats, Floats]:
    """Canonical masks (kinds, GRID, GRID), areas at radius 1, and centroids relative to the shape's centre."""
    masks, areas, offsets = [], [], []
    middle, radius = SIZE_PIXELS / 2, 24.0
    for kind in KINDS:
        canvas = np.zeros((SIZE_PIXELS, SIZE_PIXELS))
        window, whole, _ = coverage(Thing(kind, "red", middle, middle, radius), "filled")
        canvas[window] = whole
        area = canvas.sum()
        ys, xs = np.mgrid[:SIZE_PIXELS, :SIZE_PIXELS] + 0.5
        cx, cy = (canvas * xs).sum() / area, (canvas * ys).sum() / area
        masks.append(_resample(canvas, cx, cy, area**0.5))
        areas.append(area / radius**2)
        offsets.append(((cx - middle) / radius, (cy - middle) / radius))
    return np.stack(masks), np.array(areas), np.array(offsets)


def _style(solid: Mask, pixels: Floats, background: Floats, colour: int) -> str:
    """How the inside is painted: with stripes of white, with background showing through, or full."""
    core = ndimage.binary_erosion(np.pad(solid, 1))[1:-1, 1:-1]
    inside = pixels[core if core.any() else solid]
    ends = np.stack([_PALETTE[colour], _WHITE, background])
    nearest = np.linalg.norm(inside[:, None] - ends, axis=-1).argmin(-1)
    if (nearest == 1).mean() >= STRIPED_SHARE:
        return "striped"
    return "outline" if (nearest == 2).mean() >= HOLLOW_SHARE else "filled"


def _majority(styles: list[str]) -> str | None:
    best = max(set(styles), key=styles.count, default=None)
    return best if best is not None and styles.count(best) * 2 > len(styles) else None
