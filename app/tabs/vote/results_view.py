"""What people prefer so far, as a table and a figure."""

from collections.abc import Sequence
from typing import Any

from app.show import charts, markup
from engine.runs import voting
from engine.votes import statistics
from engine.votes.statistics import Duel

HEADER = ("", "preferred %", "95 % interval", "wins", "ties", "losses", "both bad")
NOTE = (
    "A tie counts half to each; both bad is no preference. Wilson intervals, which take votes for "
    "independent."
)


def count(run: str) -> list[Duel]:
    """All votes on the run's pictures as they are now."""
    return statistics.duels(voting.votes_on_pictures(run))


def table(duels: Sequence[Duel], omissions: str) -> str:
    if not duels:
        return markup.empty("No votes yet", "They are counted here as they come.")
    numbers = markup.table(HEADER, map(_row, duels))
    return numbers + markup.aside(f"{NOTE} {omissions}")


def figure(duels: Sequence[Duel]) -> Any:
    """The duels in which anybody preferred anything."""
    rates = {}
    for duel in duels:
        if duel.win_rate is not None:
            rates[_title(duel)] = charts.Point(duel.win_rate, *duel.interval)
    return charts.preferences(rates) if rates else None


def _row(duel: Duel) -> list[str]:
    row = [_title(duel), markup.percent(duel.win_rate), markup.span(*duel.interval)]
    for votes in (duel.wins, duel.ties, duel.losses, duel.both_bad):
        row.append(str(votes))
    return row


def _title(duel: Duel) -> str:
    return f"{duel.model} over {duel.rival}"
