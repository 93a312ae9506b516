"""A scene: things at places, one background, one drawing style; and its picture, 64x64 and
antialiased.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.storybook.shapes import BACKGROUNDS, COLOURS, STRIPE, polygon

SIZE_PIXELS = 64
MOST_THINGS = 6
RADIUS_PIXELS = {
    1: (9.5, 12.0),
    2: (9.0, 11.0),
    3: (8.5, 10.0),
    4: (8.0, 9.5),
    5: (8.0, 9.0),
    6: (8.0, 8.8),
}
GAP_PIXELS = 2.0
STROKE_PIXELS = 2.0
STRIPE_PIXELS = 3.0
CLEAR_PIXELS = 12.0
"""A drawn "left of" is at least this wide."""
SUPERSAMPLING = 4

Rgb = NDArray[np.uint8]
Mask = NDArray[np.float64]


@dataclass(frozen=True)
class Thing:
    """One drawn thing; x, y and radius in pixels, y pointing down."""

    kind: str
    colour: str
    x: float = 0.0
    y: float = 0.0
    radius: float = 9.0


@dataclass(frozen=True)
class Scene:
    things: tuple[Thing, ...]
    background: str
    style: str


@dataclass(frozen=True)
class Relation:
    """The thing at index `subject` is `word` ("left", "right", "above", "below") of the one at
    `other`.
    """

    subject: int
    word: str
    other: int


def holds(word: str, a: Thing, b: Thing, least_pixels: float) -> bool:
    """Whether `a` is left/right/above/below of `b` by at least so many pixels between centres."""
    right_pixels, down_pixels = b.x - a.x, b.y - a.y
    distances = {
        "left": right_pixels,
        "right": -right_pixels,
        "above": down_pixels,
        "below": -down_pixels,
    }
    return distances[word] >= least_pixels


def place(
    things: list[Thing], relations: list[Relation], rng: np.random.Generator
) -> tuple[Thing, ...] | None:
    """Positions without overlap that fulfil every relation; None if 400 tries found none."""
    low, high = RADIUS_PIXELS[len(things)]
    for _ in range(400):
        radius = rng.uniform(low, high)
        placed: list[Thing] = []
        for thing in things:
            spot = _free_spot(placed, radius, rng)
            if spot is None:
                break
            placed.append(Thing(thing.kind, thing.colour, *spot, radius))
        if len(placed) == len(things) and _hold(relations, placed):
            return tuple(placed)
    return None


def _hold(relations: list[Relation], placed: list[Thing]) -> bool:
    for relation in relations:
        subject, other = placed[relation.subject], placed[relation.other]
        if not holds(relation.word, subject, other, CLEAR_PIXELS):
            return False
    return True


def _free_spot(
    placed: list[Thing], radius: float, rng: np.random.Generator
) -> tuple[float, float] | None:
    edge = radius + 1.0
    for _ in range(30):
        x, y = rng.uniform(edge, SIZE_PIXELS - edge, 2)
        if all(_are_apart(x, y, thing, radius) for thing in placed):
            return float(x), float(y)
    return None


def _are_apart(x: float, y: float, thing: Thing, radius: float) -> bool:
    """Squares that hold the shapes do not touch, or the shapes lie across corner from corner."""
    across, down = x - thing.x, y - thing.y
    if max(abs(across), abs(down)) >= 2 * radius + GAP_PIXELS:
        return True
    return sqrt(across**2 + down**2) >= 2.5 * radius + GAP_PIXELS


def paint(scene: Scene) -> Rgb:
    """(64, 64, 3) uint8."""
    canvas = np.empty((SIZE_PIXELS, SIZE_PIXELS, 3))
    canvas[:] = BACKGROUNDS[scene.background]
    for thing in scene.things:
        window, whole, inked = coverage(thing, scene.style)
        patch = canvas[window]
        if scene.style == "striped":
            patch += whole[..., None] * (np.asarray(STRIPE) - patch)
        patch += inked[..., None] * (np.asarray(COLOURS[thing.colour]) - patch)
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8)


def coverage(thing: Thing, style: str) -> tuple[tuple[slice, slice], Mask, Mask]:
    """Where a thing lies, how much of each pixel there its silhouette covers, and how much carries
    its own colour.
    """
    rows, columns = _extent(thing.y, thing.radius), _extent(thing.x, thing.radius)
    height = (rows.stop - rows.start) * SUPERSAMPLING
    width = (columns.stop - columns.start) * SUPERSAMPLING
    centre = (thing.x - columns.start, thing.y - rows.start)
    corners = (polygon(thing.kind) * thing.radius + centre) * SUPERSAMPLING
    points = [(x, y) for x, y in corners]
    silhouette = Image.new("L", (width, height))
    ImageDraw.Draw(silhouette).polygon(points, fill=255)
    whole = np.asarray(silhouette) / 255.0
    inked = whole
    if style == "outline":
        inked = whole * _stroke(points, (width, height))
    elif style == "striped":
        down = np.arange(height) / SUPERSAMPLING + rows.start
        bands = (down - (thing.y - thing.radius)) // STRIPE_PIXELS
        inked = whole * (bands % 2 == 0)[:, None]
    return (rows, columns), _shrink(whole), _shrink(inked)


def _extent(centre: float, radius: float) -> slice:
    """The pixels that a thing can touch along one side."""
    first = max(int(centre - radius) - 1, 0)
    end = min(int(centre + radius) + 3, SIZE_PIXELS)
    return slice(first, end)


def _stroke(points: list[tuple[float, float]], size: tuple[int, int]) -> Mask:
    """The outline as a stroke; it runs on to the second point, so that its ends join."""
    image = Image.new("L", size)
    closed = [*points, points[0], points[1]]
    width = round(2 * STROKE_PIXELS * SUPERSAMPLING)
    ImageDraw.Draw(image).line(closed, fill=255, width=width, joint="curve")
    return np.asarray(image) / 255.0


def _shrink(mask: Mask) -> Mask:
    height, width = (side // SUPERSAMPLING for side in mask.shape)
    return mask.reshape(height, SUPERSAMPLING, width, SUPERSAMPLING).mean((1, 3))
