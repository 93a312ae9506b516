"""How sure a difference is: bootstrap intervals over prompts, and over replicates and prompts.

The statistic is always the one the tables show: the mean over skills of the mean over a skill's
prompts. Prompts are drawn within their skill, n - 1 of n, so that small skills do not make the
interval too narrow ([Rao and Wu 1988](https://doi.org/10.1080/01621459.1988.10478591)).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
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
    skills = [_values([values], skill, list(values[skill])) for skill in values]
    return _interval(skills, resamples, level, seed)


def paired_difference(
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
    everybody = [*ours, *theirs]
    differences = []
    for skill in _in_all(ours[0], everybody):
        prompts = _in_all(ours[0][skill], [one[skill] for one in everybody])
        ours_RP = _values(ours, skill, prompts)
        differences.append(ours_RP - _values(theirs, skill, prompts))
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


def _in_all(names: Iterable[str], others: Sequence[Container[str]]) -> list[str]:
    """The names that all the others have, too, in their order."""
    shared = []
    for name in names:
        if all(name in other for other in others):
            shared.append(name)
    return shared


def _values(replicates: Sequence[PerPrompt], skill: str, prompts: Sequence[str]) -> Floats:
    """(replicates, prompts) of one skill."""
    values_RP = np.empty((len(replicates), len(prompts)))
    for r, of_replicate in enumerate(replicates):
        for p, prompt in enumerate(prompts):
            values_RP[r, p] = of_replicate[skill][prompt]
    return values_RP


def _interval(skills: Sequence[Floats], resamples: int, level: float, seed: int) -> Interval | None:
    """`skills`: a (replicates, prompts) array each."""
    if not skills or min(values_RP.shape[1] for values_RP in skills) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn_SR = _draw(len(skills[0]), resamples, rng)
    means = [_resampled_means(values_RP, drawn_SR, rng) for values_RP in skills]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(np.mean(means, axis=0), tails)
    middle = np.mean([values_RP.mean() for values_RP in skills])
    return Interval(float(middle), float(low), float(high))


def _resampled_means(values_RP: Floats, drawn_SR: Indices, rng: np.random.Generator) -> Floats:
    """A mean over prompts for each resample; the replicates (resamples, draws) are drawn once for
    all skills.

    In parts, since all resamples of many prompts at once would fill the memory.
    """
    at_once = max(1, DRAWS_AT_ONCE // values_RP.size)
    parts = []
    for start in range(0, len(drawn_SR), at_once):
        replicates = drawn_SR[start : start + at_once]
        means_SP = values_RP[replicates].mean(1)
        prompts_SP = _draw(values_RP.shape[1], len(means_SP), rng)
        parts.append(np.take_along_axis(means_SP, prompts_SP, axis=1).mean(1))
    return np.concatenate(parts)


def _draw(n: int, resamples: int, rng: np.random.Generator) -> Indices:
    """(resamples, n - 1) indices below n; (resamples, 1) where n is 1."""
    return rng.integers(n, size=(resamples, max(n - 1, 1)))
