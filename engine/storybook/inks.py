"""What the pixels of a picture are painted with: each a mixture of the background, white and one
palette colour.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.storybook.scenes import SIZE_PIXELS
from engine.storybook.shapes import BACKGROUNDS, COLOURS, STRIPE
from engine.storybook.silhouettes import Floats, Masks, bridged, eroded

Indices = NDArray[np.intp]

MOST_OFF_BACKGROUND = 40.0
EVERY_PIXELS = 3
"""One pixel in three is enough to tell the background, and walks through all columns."""
LEAST_CONTRAST, LEAST_PEAK_CONTRAST = 22.0, 44.0
"""RGB distances from the background: of a pixel of a thing, and of the strongest one. The palette
keeps 88.
"""
LEAST_STRONG_CONTRAST = 60.0
"""Pixels nearer than that to the background or to white fit every colour; the others speak for or
against one.
"""
MOST_OFF_COLOUR, MOST_OFF_ANY_COLOUR, LEAD = 45.0, 65.0, 20.0
"""RGB distances at which a pixel agrees with a colour: when another is closer by the lead, and when
none is.
"""
LEAST_ONE_COLOUR_SHARE = 0.75
FAINT, LEAST_FULL_SHARE = 0.5, 0.01
"""Paint is faint that far, and farther, on its way to the background; a few pixels of every thing
must not be.
"""
STRIPED_SHARE, HOLLOW_SHARE = 0.08, 0.12
"""White and background inside a silhouette: clean and slightly blurred pictures have none or twice
as much.
"""
CONSENSUS_PIXELS = 5
SIDES = (SIZE_PIXELS, SIZE_PIXELS)

_PALETTE = np.array(list(COLOURS.values()), np.float32)
_SETTINGS = np.array(list(BACKGROUNDS.values()), np.float32)
_WHITE = np.array([STRIPE], np.float32)


def background(pixels: Floats) -> tuple[str, float, Floats]:
    """Name, share of the (3, pixels), and the (1, 3) colour it really has there."""
    sample = pixels[:, ::EVERY_PIXELS]
    distance = _squared(sample, _SETTINGS)
    is_nearest = distance == distance.min(0)
    near = is_nearest & (distance < MOST_OFF_BACKGROUND**2)
    shares = near.mean(1)
    best = int(shares.argmax())
    name, share = list(BACKGROUNDS)[best], float(shares[best])
    there = sample[:, near[best]] if share else _SETTINGS[[best]].T
    middle = there.shape[1] // 2
    median = np.partition(there, middle, axis=1)[None, :, middle]
    return name, share, median


class Inks:
    """The foreground of a picture and what it is painted with.

    Distances are in RGB and shaped (foreground pixels,) or, with a row for each palette colour, (8,
    foreground pixels).
    """

    def __init__(self, pixels: Floats, ground: Floats) -> None:
        contrast = np.sqrt(_squared(pixels, ground)[0])
        self.foreground: Masks = (contrast > LEAST_CONTRAST).reshape(SIDES)
        self._where = np.flatnonzero(self.foreground)
        self._ink = ink = pixels[:, self._where]
        self._contrast = contrast[self._where]
        self._to_white = np.sqrt(_squared(ink, _WHITE)[0])
        self._reach = np.sqrt(_squared(_PALETTE.T, ground)[0])
        """How far each colour lies from the background."""
        self._strong = np.minimum(self._contrast, self._to_white) > LEAST_STRONG_CONTRAST
        tinted = _off_mixtures(ink, _WHITE, _PALETTE)
        off = np.minimum(tinted, _off_mixtures(ink, ground, _PALETTE))
        off = np.minimum(off, _off_mixtures(ink, ground, _WHITE))
        self._tinted = np.sqrt(tinted)
        """How far from the mixtures of a colour and white."""
        self._off = np.minimum(np.sqrt(off), 2 * MOST_OFF_COLOUR)
        """How far from the mixtures of a colour, white and the background, up to a bound."""

    def distinct(self, masks: Masks) -> Masks:
        """Those of (n, 64, 64) that are more than a shade in the background."""
        is_peak = self._contrast > LEAST_PEAK_CONTRAST
        has_peak = self._inside(masks)[:, is_peak].any(1)
        return masks[has_peak]

    def colours(self, masks: Masks) -> tuple[Indices, Masks]:
        """For each mask the palette colour that explains most of it, and whether it is clear: all
        of it, none faint.
        """
        inside = self._inside(masks).astype(np.float32)
        best = (inside @ self._off.T).argmin(1)
        strong = inside * self._strong
        tolerance = np.clip(self._off.min(0) + LEAD, MOST_OFF_COLOUR, MOST_OFF_ANY_COLOUR)
        agrees = self._off[best] < tolerance
        agreeing = (strong * agrees).sum(1)
        is_one_colour = agreeing >= LEAST_ONE_COLOUR_SHARE * strong.sum(1)
        faint = np.maximum(FAINT * self._reach[best], MOST_OFF_COLOUR)[:, None]
        is_full = _squared(self._ink, _PALETTE[best]) < faint**2
        full_pixels = (inside * is_full).sum(1)
        has_full_paint = full_pixels >= LEAST_FULL_SHARE * inside.sum(1)
        return best, is_one_colour & has_full_paint

    def local_colours(self) -> Indices:
        """(64, 64): the palette colour that explains the neighbourhood of each pixel."""
        costs = np.zeros((len(_PALETTE), *SIDES), np.float32)
        costs[:, self.foreground] = self._off
        window = (0, CONSENSUS_PIXELS, CONSENSUS_PIXELS)
        return ndimage.uniform_filter(costs, window).argmin(0)

    def silhouettes(self, colours: Indices, level: float) -> tuple[Masks, Masks]:
        """(64, 64) each: what lies so far from background to its colour; and that with what mixes
        colour and white.

        The second closes striped things, the first is sharper for all others. `colours` is (64,
        64).
        """
        colours = colours[self.foreground]
        edge = np.maximum(level * self._reach[colours], LEAST_CONTRAST)
        is_inked = self._contrast > edge
        tinted = self._tinted[colours, np.arange(len(colours))]
        is_striped = tinted < self._contrast
        return self._square(is_inked), bridged(self._square(is_inked | is_striped))

    def styles(self, masks: Masks, colours: Indices) -> list[str]:
        """How the inside of each is painted: with stripes of white, with background showing
        through, or full.
        """
        core = eroded(masks)
        inside = self._inside(core)
        to_colour = np.sqrt(_squared(self._ink, _PALETTE[colours]))
        is_white = self._to_white < np.minimum(to_colour, self._contrast)
        is_inked = to_colour < np.minimum(self._to_white, self._contrast)
        white, inked = (inside & is_white).sum(1), (inside & is_inked).sum(1)
        pixels = np.maximum(core.sum((1, 2)), 1)
        return list(map(_style, white / pixels, inked / pixels))

    def _inside(self, masks: Masks) -> Masks:
        """(n, 64, 64) to (n, foreground pixels)."""
        return masks.reshape(len(masks), SIZE_PIXELS**2)[:, self._where]

    def _square(self, values: Masks) -> Masks:
        square = np.zeros(SIDES, bool)
        square[self.foreground] = values
        return square


def _style(white_share: float, inked_share: float) -> str:
    if white_share >= STRIPED_SHARE:
        return "striped"
    hollow_share = 1 - white_share - inked_share
    return "outline" if hollow_share >= HOLLOW_SHARE else "filled"


def _squared(pixels: Floats, colours: Floats) -> Floats:
    """(colours, pixels): squared distances of (3, pixels) to (colours, 3)."""
    # |p - c|^2 = |p|^2 - 2 c.p + |c|^2
    squared = (pixels**2).sum(0) - 2 * colours @ pixels
    squared = squared + (colours**2).sum(1)[:, None]
    return np.maximum(squared, 0)


def _off_mixtures(pixels: Floats, end: Floats, colours: Floats) -> Floats:
    """(colours, pixels): squared distance of each pixel to the straight mixtures of `end` and each
    colour.
    """
    # The nearest mixture end + t (colour - end) has t = (way . away) / |way|^2, held to [0, 1].
    way, away = colours - end, pixels - end.T
    along = way @ away
    length = (way**2).sum(1)[:, None]
    t = np.clip(along / length, 0, 1)
    explained = t * (2 * along - t * length)
    return np.maximum((away**2).sum(0) - explained, 0)
