"""How answers to dependent questions become one number: DSG's reference rule and SELMA's.

Reference ([DSG](https://arxiv.org/abs/2310.18235)): a question counts as no when any parent's *own*
answer is no; one level, on raw answers; the score of a prompt is the mean over its questions, of a
benchmark the mean over prompts. SELMA's scorer ([SELMA](https://arxiv.org/abs/2403.06952), released
code) zeroes in place, so that a no travels down to grandchildren that stand later in the list, and
averages over all questions of all prompts. Both survive what real question sets hold: parents that
are missing, cycles, self-references.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answered:
    id: str
    yes: bool
    parents: tuple[str, ...] = ()


def one_level(answered: Sequence[Answered]) -> list[float]:
    """1.0 or 0.0 a question; unknown parents and a question's own id are ignored."""
    raw = {a.id: a.yes for a in answered}
    return [
        float(a.yes and all(raw.get(p, True) for p in a.parents if p != a.id)) for a in answered
    ]


def cascading(answered: Sequence[Answered]) -> list[float]:
    """1.0 or 0.0 a question, each seeing what became of the questions before it."""
    current = {a.id: a.yes for a in answered}
    for a in answered:
        current[a.id] = current[a.id] and all(current.get(p, True) for p in a.parents if p != a.id)
    return [float(current[a.id]) for a in answered]


def selma_score(prompts: Sequence[Sequence[Answered]]) -> float:
    """Mean over all questions of all prompts, cascading."""
    values = [v for answered in prompts for v in cascading(answered)]
    return sum(values) / len(values)
