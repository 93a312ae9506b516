"""Which pairs a person can tell apart; nobody is asked about the others.

Two pictures count as alike when no thing in them differs: both are reduced to at most 64 pixels a
side, every square of an eighth of that side is averaged, and nowhere do the averages differ by
`LEAST_DIFFERENCE` of 255 in a channel. An outline that is a little softer is no difference, another
object is one: looking at the shipped example's pairs, those of 41 and more can be told apart, and
none of those of 31 and less. A vote on such a pair would be a coin's, and would draw every result
towards a half. The same files give the same answer everywhere.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core import picture_files
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.votes import pairs
from engine.votes.pairs import Pair, Stamps

LEAST_DIFFERENCE = 36.0
"""Of 255, in one channel, over a square of `SQUARE` pixels a side."""
LONG_SIDE, SQUARE = 64, 8
MOST_REDUCED = 2048
"""Reduced pictures that are remembered: 25 MB."""
Pixels = NDArray[np.uint8]
"""(height, width, RGB)"""
LOG = logging.getLogger(__name__)
READING = threading.Lock()
"""Many who come at once wait for one reading of the pictures."""


@dataclass(frozen=True)
class SiftedPairs:
    """Pairs by whether a person can be asked about them."""

    distinct: tuple[Pair, ...] = ()
    """Those to ask about."""
    alike_count: int = 0
    unreadable_count: int = 0
    """Pairs with a picture that cannot be read; the log names the file."""

    @property
    def total(self) -> int:
        return len(self.distinct) + self.alike_count + self.unreadable_count


def sifted_pairs(store: Store, models: Sequence[str] = ()) -> SiftedPairs:
    """The run's pairs, of `models` or of all; sifted again as soon as a picture changes."""
    return _sifted_pairs(store.folder, tuple(models), pairs.stamps(store))


@lru_cache(pairs.MOST_CACHED)
def _sifted_pairs(folder: Path, models: tuple[str, ...], _stamps: Stamps) -> SiftedPairs:
    return sift(pairs.all_pairs(Store(folder), models))


def sift(candidates: Sequence[Pair]) -> SiftedPairs:
    """Leaves out what nobody can tell apart or see. Files are read once, again when they change."""
    distinct, alike_count, unreadable_count = [], 0, 0
    with READING:
        for pair in candidates:
            largest = difference(pair.first.file, pair.second.file)
            if largest is None:
                unreadable_count += 1
            elif largest < LEAST_DIFFERENCE:
                alike_count += 1
            else:
                distinct.append(pair)
    return SiftedPairs(tuple(distinct), alike_count, unreadable_count)


def difference(first: Path, second: Path) -> float | None:
    """The largest one between averaged squares, of 255; None where a picture cannot be read."""
    pixels, other_pixels = _reduced(first), _reduced(second)  # both, so that the log names both
    if pixels is None or other_pixels is None:
        return None
    return _largest_difference(pixels, other_pixels)


def _largest_difference(first: Pixels, second: Pixels) -> float:
    """Pictures of unlike sizes are compared at the first one's."""
    height, width, _ = first.shape
    if second.shape != first.shape:
        second = np.asarray(Image.fromarray(second).resize((width, height), Image.Resampling.BOX))
    differences = _square_means(first.astype(float) - second)
    return float(np.abs(differences).max())


def _square_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of every square; of a difference it is that of the means.

    By running sums: what a square holds is the difference of the sums at its ends, first over rows,
    then over columns. The zeros in front are the sums before the first pixel.
    """
    height, width = min(SQUARE, values.shape[0]), min(SQUARE, values.shape[1])
    zeros_in_front = ((1, 0), (1, 0), (0, 0))
    sums = np.pad(values, zeros_in_front).cumsum(0).cumsum(1)
    rows = sums[height:] - sums[:-height]
    return (rows[:, width:] - rows[:, :-width]) / (height * width)


def _reduced(file: Path) -> Pixels | None:
    """A picture at most `LONG_SIDE` a side; None and a line in the log where it cannot be read."""
    try:
        status = file.stat()
    except OSError as error:
        LOG.warning("A pair to vote on is left out: %s: %s", file, error.strerror)
        return None
    return _read_reduced(file, status.st_mtime_ns, status.st_size)


@lru_cache(MOST_REDUCED)
def _read_reduced(file: Path, _changed_at: int, _bytes: int) -> Pixels | None:
    try:
        image = picture_files.read(file)
    except EngineError as error:
        LOG.warning("A pair to vote on is left out: %s", error)
        return None
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BOX)
    return np.asarray(image)
