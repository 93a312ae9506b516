"""Reading a picture: things, colours, places, style and background from the pixels alone.

Foreground pixels are explained as mixtures of the background, white and one palette colour; connected silhouettes are
compared with the eight shapes. What fits nothing is a thing without a kind or colour: a miss.
"""
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.storybook.scenes import SIZE_PIXELS, Rgb, Thing
from engine.storybook.shapes import BACKGROUNDS, COLOURS, STRIPE
from engine.storybook.silhouettes import Fit, Floats, Masks, fit

Labels = NDArray[np.intp]
Mask = NDArray[np.bool_]

LEAST_BACKGROUND_SHARE = 0.3
MOST_OFF_BACKGROUND = 40.0
LEAST_CONTRAST = 22.0
"""RGB distance from the background at which a pixel may belong to a thing."""
LEAST_AREA_PIXELS = 14
LEAST_SHARE_EXPLAINED = 0.6
MOST_OFF_COLOUR = 45.0
LEAST_ONE_COLOUR_SHARE = 0.75
LEAST_STRONG_CONTRAST = 60.0
"""Pixels nearer to the background or to white fit every colour; only the others speak for or against one."""
STRIPED_SHARE = 0.20
HOLLOW_SHARE = 0.25
FIRST_LEVELS, MORE_LEVELS = (0.5,), (0.35, 0.5, 0.65)
"""Part of the way from background to colour at which a silhouette ends."""

_COLOUR_NAMES = tuple(COLOURS)
_PALETTE = np.array(list(COLOURS.values()), np.float32)
_SETTINGS = np.array(list(BACKGROUNDS.values()), np.float32)
_WHITE = np.array(STRIPE, np.float32)
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


@dataclass(frozen=True)
class _Part:
    """A connected silhouette with what it looks like."""

    mask: Mask
    fit: Fit
    colour: int
    pure: bool

    @property
    def readable(self) -> bool:
        return bool(self.fit.kind) and self.pure


def read(picture: Rgb) -> Seen:
    """Read a (64, 64, 3) uint8 picture. Other sizes are the caller's to shrink first."""
    assert picture.shape == (SIZE_PIXELS, SIZE_PIXELS, 3), picture.shape
    pixels = picture.reshape(-1, 3).astype(np.float32)
    name, share, ground = _background(pixels)
    if share < LEAST_BACKGROUND_SHARE:
        return Seen((), None, None, (f"no background: the commonest covers {share:.0%}",))
    canvas = _Canvas(pixels, ground)
    parts = [part for blob in canvas.blobs() for part in blob]
    flags = tuple(flag for part in parts if (flag := _flag(part)))
    styles = canvas.styles(parts)
    things = tuple(Thing(p.fit.kind, _COLOUR_NAMES[p.colour] if p.pure else "", p.fit.x, p.fit.y, p.fit.radius) for p in parts)
    return Seen(things, name, _majority(styles), flags)


def _background(pixels: Floats) -> tuple[str, float, Floats]:
    """Name, share of the picture, and the colour it really has there."""
    distance = _squared(pixels, _SETTINGS)
    nearest = np.where(distance.min(1) < MOST_OFF_BACKGROUND**2, distance.argmin(1), len(_SETTINGS))
    counts = np.bincount(nearest, minlength=len(_SETTINGS) + 1)[:-1]
    best = int(counts.argmax())
    there = pixels[nearest == best] if counts[best] else _SETTINGS[[best]]
    return list(BACKGROUNDS)[best], float(counts[best]) / len(pixels), np.median(there, axis=0)


def _squared(pixels: Floats, colours: Floats) -> Floats:
    """(pixels, colours): squared distances."""
    squared = (pixels**2).sum(1)[:, None] - 2 * pixels @ colours.T + (colours**2).sum(1)
    return np.maximum(squared, 0)
