"""SELMA's filter: a prompt too like a seed or an accepted prompt is refused, by ROUGE-L.

F = 2 LCS / (m + n) over the words of two texts of m and n words
([ROUGE](https://aclanthology.org/W04-1013/), section 3; beta = 1). Refused when F > 4/5 against any
text held, in whole numbers: 10 LCS > 4 (m + n). A text at exactly 4/5 is kept.

The words are those of Google's `rouge-score` without stemming, and so are the decisions, but for
two things. Its floating-point F of a pair at exactly 4/5 lands a hair above in some lengths and a
hair below in others. Of the 1008 such (m, n, LCS) up to 120 words it says 0.8000000000000002 in 94
(5, 5, 4; 10, 10, 8; 15, 15, 12), which code that asks it for `> 0.8` refuses, and
0.7999999999999999 in 364 (7, 8, 6). And it sees no word at all in a text without a Latin letter or
a digit; ours sees Unicode's (`words_of`).
"""

import re
from array import array
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

_FIRST_CODE = 1
"""Words are numbered as characters; the first 255 are bytes, which rapidfuzz looks up without
hashing.
"""


@dataclass(frozen=True)
class Verdict:
    """What the filter says of a text, and the nearest text held ("" when none shares a word)."""

    new: bool
    nearest: str
    rouge_l: float


class Novelty:
    """Everything held so far: texts go in one by one, and each new one is compared with all of
    them.
    """

    def __init__(self, threshold: tuple[int, int] = (4, 5)) -> None:
        self._limit = threshold
        self._codes: dict[str, str] = {}
        self._texts: list[str] = []
        self._encoded: list[str] = []
        self._lengths = array("i")

    def __len__(self) -> int:
        return len(self._texts)

    def accept(self, text: str) -> None:
        """Hold a text; every later one is compared with it."""
        encoded = self._encode(text)
        self._texts.append(text)
        self._encoded.append(encoded)
        self._lengths.append(len(encoded))

    def verdict(self, text: str) -> Verdict:
        """Whether the text is new, with the nearest one held and their F. Holds nothing."""
        encoded = self._encode(text)
        if not encoded or not self._texts:
            return Verdict(True, "", 0.0)
        common_each = cdist([encoded], self._encoded, scorer=LCSseq.similarity, dtype=np.int32)[0]
        words_each = len(encoded) + np.frombuffer(self._lengths, np.int32)
        # F = 2 LCS / (m + n) is largest where LCS / (m + n) is
        closest = int(np.argmax(common_each / words_each))
        common, words = int(common_each[closest]), len(encoded) + self._lengths[closest]
        nearest = self._texts[closest] if common else ""
        # in whole numbers, so that a text at exactly the limit is kept
        numerator, denominator = self._limit
        is_new = 2 * denominator * common <= numerator * words
        return Verdict(is_new, nearest, 2 * common / words)

    def _encode(self, text: str) -> str:
        """One character per word, the same for the same word."""
        characters: list[str] = []
        for word in words_of(text):
            unused = chr(_FIRST_CODE + len(self._codes))
            characters.append(self._codes.setdefault(word, unused))
        return "".join(characters)


def words_of(text: str) -> list[str]:
    """`rouge-score`'s words: lower case, runs of a-z and 0-9.

    A text without any (Chinese, say) would pass for new even against itself; its words are
    Unicode's instead.
    """
    lowered = text.lower()
    return re.findall(r"[a-z0-9]+", lowered) or re.findall(r"\w+", lowered)
