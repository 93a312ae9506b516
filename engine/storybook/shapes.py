"""The eight silhouettes, each one polygon in a unit square with y pointing down, and the palette."""

from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "orange": (244, 140, 20),
    "yellow": (250, 224, 60),
    "green": (24, 120, 50),
    "blue": (36, 90, 224),
    "purple": (130, 40, 170),
    "pink": (250, 120, 190),
    "brown": (104, 62, 28),
}
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "beach": (232, 208, 164),
    "sky": (166, 214, 246),
    "grass": (158, 216, 128),
    "night": (40, 40, 84),
}
STRIPE = (255, 255, 255)
STYLES = ("filled", "outline", "striped")


def _arc(
    cx: float, radius: float, angles: tuple[float, float], steps: int
) -> list[tuple[float, float]]:
    return [(cx + radius * cos(a), radius * sin(a)) for a in np.linspace(*angles, steps)]


def _star() -> list[tuple[float, float]]:
    radii = [1.0, 0.5] * 5
    return [(r * sin(i * pi / 5), 0.08 - r * cos(i * pi / 5)) for i, r in enumerate(radii)]


def _heart() -> list[tuple[float, float]]:
    t = np.linspace(0, 2 * pi, 48, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(a / 17, -(b + 2.5) / 15.5) for a, b in zip(x, y, strict=True)]


def _moon() -> list[tuple[float, float]]:
    outer = _arc(0.0, 1.0, (0.30 * pi, 1.70 * pi), 40)
    inner = _arc(0.78, 0.83, (1.44 * pi, 0.56 * pi), 30)
    return [(x + 0.25, y) for x, y in outer + inner]


def _fish() -> list[tuple[float, float]]:
    t = np.linspace(0.14 * pi, 1.86 * pi, 40)
    body = [(0.64 * cos(a) - 0.34, 0.62 * sin(a)) for a in t]
    mirrored = [(-x, y) for x, y in body]
    return mirrored + [(-0.98, -0.62), (-0.98, 0.62)]


SHAPES: dict[str, list[tuple[float, float]]] = {
    "ball": _arc(0, 0.9, (0, 2 * pi), 49)[:-1],
    "star": _star(),
    "heart": _heart(),
    "tree": [
        (0, -1),
        (0.8, 0.42),
        (0.26, 0.42),
        (0.26, 1),
        (-0.26, 1),
        (-0.26, 0.42),
        (-0.8, 0.42),
    ],
    "house": [
        (0, -1),
        (1, -0.1),
        (0.76, -0.1),
        (0.76, 0.95),
        (-0.76, 0.95),
        (-0.76, -0.1),
        (-1, -0.1),
    ],
    "fish": _fish(),
    "boat": [
        (-0.28, -1),
        (0.72, 0.2),
        (1, 0.2),
        (0.62, 0.9),
        (-0.62, 0.9),
        (-1, 0.2),
        (-0.28, 0.2),
    ],
    "moon": _moon(),
}
KINDS = tuple(SHAPES)
PLURALS = {kind: {"fish": "fish"}.get(kind, kind + "s") for kind in KINDS}


def polygon(kind: str) -> Points:
    """(points, 2) of x, y; the bounding box is [-1, 1] at most."""
    return np.asarray(SHAPES[kind])
