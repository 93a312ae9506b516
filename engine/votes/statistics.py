"""How often people preferred one model to another, with the interval that few votes leave open."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from engine.votes.ledger import Vote

NORMAL_975 = 1.959963984540054
"""The standard normal's 97.5 % quantile: 95 % lie within plus and minus it."""


@dataclass(frozen=True)
class Duel:
    """`model` against `rival`. Both bad is no preference and no tie: it is counted beside them."""

    model: str
    rival: str
    wins: int
    losses: int
    ties: int
    both_bad: int

    @property
    def votes(self) -> int:
        """Those that say something about the two: wins, losses and ties."""
        return self.wins + self.losses + self.ties

    @property
    def win_rate(self) -> float | None:
        """In [0, 1], a tie counting half to each; None without votes."""
        return (self.wins + self.ties / 2) / self.votes if self.votes else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the win rate.

        It takes votes for independent; those of one person, or on one prompt, are not quite, so it
        is a little narrow.
        """
        return wilson(self.wins + self.ties / 2, self.votes)


def wilson(successes: float, trials: int, z: float = NORMAL_975) -> tuple[float, float]:
    """Score interval of a proportion, [Wilson
    1927](https://doi.org/10.1080/01621459.1927.10502953).

    It holds the proportion itself; without trials it is (0, 1).
    """
    if not trials:
        return 0.0, 1.0
    rate = successes / trials
    # (centre +- spread) / scale, the two rates from which `successes` is z standard errors away
    scale = 1 + z * z / trials
    centre = rate + z * z / (2 * trials)
    spread = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return max(0.0, min(low, rate)), min(1.0, max(high, rate))


def duels(votes: Sequence[Vote], base: str = "base") -> list[Duel]:
    """One duel for every two models that met, by name; `base`, at whatever guidance scale, is
    always the rival.
    """
    tallies: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for vote in votes:
        model, rival = _model_and_rival(vote, base)
        tallies[model, rival][_outcome(vote, model)] += 1
    results = []
    for (model, rival), tally in sorted(tallies.items()):
        counts = tally["wins"], tally["losses"], tally["ties"], tally["both_bad"]
        results.append(Duel(model, rival, *counts))
    return results


def _model_and_rival(vote: Vote, base: str) -> tuple[str, str]:
    """The two models by name, the base last."""
    left, right = vote.left_model, vote.right_model

    def rank(model: str) -> tuple[bool, str]:
        return model.partition("@")[0] == base, model

    return (left, right) if rank(left) <= rank(right) else (right, left)


def _outcome(vote: Vote, model: str) -> str:
    """What a vote was for a model."""
    if vote.choice == "tie":
        return "ties"
    if vote.choice == "both bad":
        return "both_bad"
    preferred = vote.left_model if vote.choice == "left" else vote.right_model
    return "wins" if preferred == model else "losses"
