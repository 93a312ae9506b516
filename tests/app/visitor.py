"""A page that votes, as a browser keeps it: what it shows, and what it sends with a press."""
import re
from typing import Any, NamedTuple

import gradio as gr

from app.tabs import vote
from engine import runs
from engine.votes.ledger import Ledger
from engine.votes.schema import CHOICES

DUEL = "merged@2 and base@3.5"


class Seen(NamedTuple):
    """What a page has after an answer, in the order of the outputs."""

    sight: Any
    voter: Any
    pair: Any
    buttons: list[Any]
    note: Any
    panel: Any

    @classmethod
    def of(cls, answer):
        return cls(*answer[:3], answer[3:3 + len(CHOICES)], *answer[-2:])


class Visitor:
    """A page that keeps what it is given, as a browser does."""

    def __init__(self, duel=DUEL, run="example"):
        self.run, self.duel, self.token, self.seen = run, duel, "", None

    def takes(self, answer):
        new = Seen.of(answer)
        kept = [before if given == gr.skip() else given
                for before, given in zip(self.seen or new, new, strict=True)]
        self.seen = Seen(*kept)
        self.token = self.token if self.seen.voter == gr.skip() else self.seen.voter
        return self

    def opens(self):
        _, *answer = vote.show(self.run, self.duel, self.sight(), self.token)
        return self.takes(answer)

    def votes(self, choice, looked=9.0):
        return self.takes(vote.vote(choice, self.run, self.duel, self.sight(looked), self.token))

    def sight(self, looked=9.0):
        return {**(self.seen.sight if self.seen else {}), "looked": looked}

    @property
    def number(self):
        return int(re.search(r"Pair (\d+) of", self.seen.pair)[1])


def asked(run="example"):
    """How many of the duel's nine pairs differ: two that paint no mistake paint the same here."""
    return len(vote._sifted(run, ("merged@2", "base@3.5")).asked)


def cast(run="example"):
    return Ledger(runs.votes_url(run)).votes()
