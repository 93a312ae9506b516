"""How sure a difference is: bootstrap intervals over prompts, and over replicates and prompts.

The statistic is always the one the tables show: the mean over skills of the mean over a skill's
prompts. Prompts are drawn within their skill, n - 1 of n, so that small skills do not make the
interval too narrow ([Rao and Wu 1988](https://doi.org/10.1080/01621459.1988.10478591)).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
PerPrompt = Mapping[str, Mapping[str, float]]
"""skill -> prompt id -> value."""

MARGIN = 0.01
RESAMPLES = 10_000
DRAWS_AT_ONCE = 2_000_000


class Interval(NamedTuple):
    """An estimate and the ends of its interval."""

    difference: float
    low: float
    high: float


def mean(
    values: PerPrompt, resamples: int = RESAMPLES, level: float = 0.95, seed: int = 0
) -> Interval | None:
    """Of one model's mean over skills; None when a skill has fewer than two prompts."""
    skills = [np.array([list(of_skill.values())]) for of_skill in values.values()]
    return _interval(skills, resamples, level, seed)


def paired(
    ours: PerPrompt,
    theirs: PerPrompt,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Of ours - theirs on the prompts both have values for; None when a skill has fewer than two of
    them.
    """
    return hierarchical([ours], [theirs], resamples, level, seed)


def hierarchical(
    ours: Sequence[PerPrompt],
    theirs: Sequence[PerPrompt],
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Of ours - theirs over replicates (index r of both) and the prompts that all replicates share.

    Replicates are judged on the same prompts, so both are drawn anew, independently, and every
    drawn replicate meets every drawn prompt (the pigeonhole bootstrap, [Owen
    2007](https://doi.org/10.1214/07-AOAS122)). No resampling makes up for very few replicates: with
    three that vary twice as much as the prompts' error does, a 95 % interval held the truth in 88 %
    of simulations, otherwise in 95 to 97 %. None when a skill has fewer than two shared prompts.
    """
    skills = [skill for skill in ours[0] if all(skill in other for other in (*ours, *theirs))]
    differences = [_differences(skill, ours, theirs) for skill in skills]
    return _interval(differences, resamples, level, seed)


def verdict(difference: float, low: float, high: float, margin: float = MARGIN) -> str:
    """ "better", "worse", "no difference within the margin" or "undecided".

    An interval that lies within the margin is no difference, even when it leaves out zero.
    """
    if -margin <= low and high <= margin:
        return "no difference within the margin"
    if min(difference, low) > 0:
        return "better"
    return "worse" if max(difference, high) < 0 else "undecided"


def _differences(skill: str, ours: Sequence[PerPrompt], theirs: Sequence[PerPrompt]) -> Floats:
    """(replicates, prompts) of the prompts that every replicate has on both sides."""
    shared = [
        key for key in ours[0][skill] if all(key in other[skill] for other in (*ours, *theirs))
    ]
    rows = [
        [a[skill][key] - b[skill][key] for key in shared] for a, b in zip(ours, theirs, strict=True)
    ]
    return np.array(rows, dtype=float).reshape(len(ours), len(shared))


def _interval(skills: Sequence[Floats], resamples: int, level: float, seed: int) -> Interval | None:
    """`skills`: a (replicates, prompts) array each."""
    if not skills or any(values.shape[1] < 2 for values in skills):
        return None
    rng = np.random.default_rng(seed)
    replicates = _draw(len(skills[0]), resamples, rng)
    drawn = np.mean([_resampled_means(values, replicates, rng) for values in skills], axis=0)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean([values.mean() for values in skills])), float(low), float(high))


def _resampled_means(values: Floats, replicates: Indices, rng: np.random.Generator) -> Floats:
    """A mean over prompts a resample; `replicates` (resamples, draws) are drawn once for all
    skills.
    """
    at_once = max(1, DRAWS_AT_ONCE // values.size)
    parts = []
    for start in range(0, len(replicates), at_once):
        over_replicates = values[replicates[start : start + at_once]].mean(1)
        prompts = _draw(values.shape[1], len(over_replicates), rng)
        parts.append(np.take_along_axis(over_replicates, prompts, axis=1).mean(1))
    return np.concatenate(parts)


def _draw(n: int, resamples: int, rng: np.random.Generator) -> Indices:
    """(resamples, n - 1) indices below n; (resamples, 1) where n is 1."""
    return rng.integers(n, size=(resamples, max(n - 1, 1)))
