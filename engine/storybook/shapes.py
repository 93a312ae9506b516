"""The eight silhouettes, each a polygon in a unit square with y pointing down, and the palette."""

from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

RgbColour = tuple[int, int, int]


def _rgb(digits: str) -> RgbColour:
    """ "d62828" as (214, 40, 40)."""
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


COLOURS: dict[str, RgbColour] = {
    "red": _rgb("d62828"),
    "orange": _rgb("f48c14"),
    "yellow": _rgb("fae03c"),
    "green": _rgb("187832"),
    "blue": _rgb("245ae0"),
    "purple": _rgb("8228aa"),
    "pink": _rgb("fa78be"),
    "brown": _rgb("683e1c"),
}
BACKGROUNDS: dict[str, RgbColour] = {
    "beach": _rgb("e8d0a4"),
    "sky": _rgb("a6d6f6"),
    "grass": _rgb("9ed880"),
    "night": _rgb("282854"),
}
STRIPE = (255, 255, 255)
STYLES = ("filled", "outline", "striped")


Outline = list[tuple[float, float]]


def _arc(centre_x: float, radius: float, angles: tuple[float, float], steps: int) -> Outline:
    """Points of a circle around (centre_x, 0), from the first angle to the second."""
    outline = []
    for angle in np.linspace(*angles, steps):
        outline.append((centre_x + radius * cos(angle), radius * sin(angle)))
    return outline


def _star() -> Outline:
    """Five points: ten corners, by turns far from the middle and half as far."""
    middle_y = 0.08
    outline = []
    for corner in range(10):
        radius = 1.0 if corner % 2 == 0 else 0.5
        angle = corner * pi / 5
        outline.append((radius * sin(angle), middle_y - radius * cos(angle)))
    return outline


def _heart() -> Outline:
    """The well-known curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t."""
    t = np.linspace(0, 2 * pi, 48, endpoint=False)
    xs = 16 * np.sin(t) ** 3
    wide_waves = 13 * np.cos(t) - 5 * np.cos(2 * t)
    ys = wide_waves - 2 * np.cos(3 * t) - np.cos(4 * t)
    outline = []
    for x, y in zip(xs, ys, strict=True):  # to the unit square, upside down
        outline.append((x / 17, -(y + 2.5) / 15.5))
    return outline


def _moon() -> Outline:
    """A circle without a smaller one to its right."""
    outer = _arc(0.0, 1.0, (0.30 * pi, 1.70 * pi), 40)
    inner = _arc(0.78, 0.83, (1.44 * pi, 0.56 * pi), 30)
    return [(x + 0.25, y) for x, y in outer + inner]


def _fish() -> Outline:
    """An oval body that swims to the right, and a tail."""
    outline = []
    for angle in np.linspace(0.14 * pi, 1.86 * pi, 40):
        x = 0.64 * cos(angle) - 0.34
        outline.append((-x, 0.62 * sin(angle)))
    return [*outline, (-0.98, -0.62), (-0.98, 0.62)]


def _mirrored(right_half: Outline) -> Outline:
    """A shape that is the same left and right, from its right half, top to bottom."""
    left_half = [(-x, y) for x, y in reversed(right_half) if x]
    return right_half + left_half


_TREE = _mirrored([(0, -1), (0.8, 0.42), (0.26, 0.42), (0.26, 1)])
_HOUSE = _mirrored([(0, -1), (1, -0.1), (0.76, -0.1), (0.76, 0.95)])
_SAIL = [(-0.28, -1), (0.72, 0.2)]
_HULL = [(1, 0.2), (0.62, 0.9), (-0.62, 0.9), (-1, 0.2)]
SHAPES: dict[str, Outline] = {
    "ball": _arc(0, 0.9, (0, 2 * pi), 49)[:-1],
    "star": _star(),
    "heart": _heart(),
    "tree": _TREE,
    "house": _HOUSE,
    "fish": _fish(),
    "boat": [*_SAIL, *_HULL, (-0.28, 0.2)],
    "moon": _moon(),
}
KINDS = tuple(SHAPES)
PLURALS = {kind: kind + "s" for kind in KINDS} | {"fish": "fish"}


def polygon(kind: str) -> Points:
    """(points, 2) of x, y; the bounding box is [-1, 1] at most."""
    return np.asarray(SHAPES[kind])
