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
    near = (distance < MOST_OFF_BACKGROUND**2) & (distance == distance.min(0))
    shares = near.mean(1)
    best = int(shares.argmax())
    there = sample[:, near[best]] if shares[best] else _SETTINGS[[best]].T
    middle = there.shape[1] // 2
    return (
        list(BACKGROUNDS)[best],
        float(shares[best]),
        np.partition(there, middle, axis=1)[None, :, middle],
    )


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
        tinted = _off_mixtures(ink, _WHITE, _PALETTE)
        off = np.minimum(tinted, _off_mixtures(ink, ground, _PALETTE))
        off = np.minimum(off, _off_mixtures(ink, ground, _WHITE))
        self._contrast, self._reach = (
            contrast[self._where],
            np.sqrt(_squared(_PALETTE.T, ground)[0]),
        )
        self._to_white = np.sqrt(_squared(ink, _WHITE)[0])
        self._tinted, self._off = np.sqrt(tinted), np.minimum(np.sqrt(off), 2 * MOST_OFF_COLOUR)
        self._strong = np.minimum(self._contrast, self._to_white) > LEAST_STRONG_CONTRAST

    def distinct(self, masks: Masks) -> Masks:
        """Those of (n, 64, 64) that are more than a shade in the background."""
        return masks[self._inside(masks)[:, self._contrast > LEAST_PEAK_CONTRAST].any(1)]

    def colours(self, masks: Masks) -> tuple[Indices, Masks]:
        """For each mask the palette colour that explains most of it, and whether it is clear: all
        of it, none faint.
        """
        inside = self._inside(masks).astype(np.float32)
        best = (inside @ self._off.T).argmin(1)
        strong = inside * self._strong
        tolerance = np.clip(self._off.min(0) + LEAD, MOST_OFF_COLOUR, MOST_OFF_ANY_COLOUR)
        agreeing = (strong * (self._off[best] < tolerance)).sum(1)
        one = agreeing >= LEAST_ONE_COLOUR_SHARE * strong.sum(1)
        faint = np.maximum(FAINT * self._reach[best], MOST_OFF_COLOUR)[:, None]
        full = _squared(self._ink, _PALETTE[best]) < faint**2
        return best, one & ((inside * full).sum(1) >= LEAST_FULL_SHARE * inside.sum(1))

    def local_colours(self) -> Indices:
        """(64, 64): the palette colour that explains the neighbourhood of each pixel."""
        costs = np.zeros((len(_PALETTE), *SIDES), np.float32)
        costs[:, self.foreground] = self._off
        return ndimage.uniform_filter(costs, (0, CONSENSUS_PIXELS, CONSENSUS_PIXELS)).argmin(0)

    def silhouettes(self, colours: Indices, level: float) -> tuple[Masks, Masks]:
        """(64, 64) each: what lies so far from background to its colour; and that with what mixes
        colour and white.

        The second closes striped things, the first is sharper for all others. `colours` is (64,
        64).
        """
        colours = colours[self.foreground]
        inked = self._contrast > np.maximum(level * self._reach[colours], LEAST_CONTRAST)
        tinted = self._tinted[colours, np.arange(len(colours))]
        return self._square(inked), bridged(self._square(inked | (tinted < self._contrast)))

    def styles(self, masks: Masks, colours: Indices) -> list[str]:
        """How the inside of each is painted: with stripes of white, with background showing
        through, or full.
        """
        core = eroded(masks)
        inside, colour = self._inside(core), np.sqrt(_squared(self._ink, _PALETTE[colours]))
        white = (inside & (self._to_white < np.minimum(colour, self._contrast))).sum(1)
        inked = (inside & (colour < np.minimum(self._to_white, self._contrast))).sum(1)
        shares = np.stack([white, inked], 1) / np.maximum(core.sum((1, 2)), 1)[:, None]
        return [
            "striped"
            if w >= STRIPED_SHARE
            else "outline"
            if 1 - w - i >= HOLLOW_SHARE
            else "filled"
            for w, i in shares
        ]

    def _inside(self, masks: Masks) -> Masks:
        """(n, 64, 64) to (n, foreground pixels)."""
        return masks.reshape(len(masks), SIZE_PIXELS**2)[:, self._where]

    def _square(self, values: Masks) -> Masks:
        square = np.zeros(SIDES, bool)
        square[self.foreground] = values
        return square


def _squared(pixels: Floats, colours: Floats) -> Floats:
    """(colours, pixels): squared distances of (3, pixels) to (colours, 3)."""
    squared = (pixels**2).sum(0) - 2 * colours @ pixels
    return np.maximum(squared + (colours**2).sum(1)[:, None], 0)


def _off_mixtures(pixels: Floats, end: Floats, colours: Floats) -> Floats:
    """(colours, pixels): squared distance of each pixel to the straight mixtures of `end` and each
    colour.
    """
    ways, away = colours - end, pixels - end.T
    along, length = ways @ away, (ways**2).sum(1)[:, None]
    part = np.clip(along / length, 0, 1)
    return np.maximum((away**2).sum(0) - part * (2 * along - part * length), 0)
