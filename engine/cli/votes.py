"""A run's votes, and what people prefer by them."""

import argparse
from collections.abc import Sequence
from typing import Any

from engine.cli import columns

HEAD = ("model", "rival", "wins", "losses", "ties", "both bad", "win rate", "95 % interval")
VOTE_HEAD = ("cast at", "choice", "left", "right", "prompt")


def add(commands: Any) -> None:
    parser = commands.add_parser("votes", help="a run's votes, and which models people prefer")
    parser.add_argument("run", metavar="RUN", help="its name, as in the list of runs")
    parser.add_argument("--each", action="store_true", help="every vote, oldest first")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    from engine.votes import statistics

    votes = votes_of(arguments.run)
    print(f"{len(votes)} votes on {arguments.run}.")
    if not votes:
        return 0
    if arguments.each:
        print(columns.text(VOTE_HEAD, list(map(_vote_row, votes))))
    print(columns.text(HEAD, list(map(_row, statistics.duels(votes)))))
    return 0


def votes_of(run: str) -> Sequence[Any]:
    """Every vote on the run. Raises EngineError where there is no such run."""
    from engine import runs
    from engine.runs import voting

    runs.check_there(run)
    return voting.votes(run)


def _row(duel: Any) -> list[str]:
    low, high = duel.interval
    rate = "-" if duel.win_rate is None else f"{duel.win_rate:.2f}"
    counts = (duel.wins, duel.losses, duel.ties, duel.both_bad)
    return [duel.model, duel.rival, *map(str, counts), rate, f"[{low:.2f}, {high:.2f}]"]


def _vote_row(vote: Any) -> list[str]:
    return [vote.cast_at, vote.choice, vote.left_model, vote.right_model, vote.prompt]
