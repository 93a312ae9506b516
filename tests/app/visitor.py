"""A page that votes, as a browser keeps it: what it shows, and what it sends with a press."""
import re
from collections.abc import Sequence
from typing import Any

from engine import runs
from engine.runs import voting
from engine.votes import similarity
from engine.votes.pairs import Pair
from engine.votes.schema import CHOICES, Choice
from tests.app.studio import Studio

DUEL = "merged@2 and base@3.5"
MODELS = ("merged@2", "base@3.5")


class Visitor:
    """A page that keeps what it is given, as a browser does."""

    def __init__(self, studio: Studio, duel: str | None = DUEL, run: str = "example") -> None:
        self.studio, self.run, self.duel = studio, run, duel
        self.page: dict[str, Any] = {}
        self.token: Any = ""

    def opens(self) -> "Visitor":
        return self.takes(self.studio.draw("vote", self.run, self.sends()))

    def votes(self, choice: Choice, look_seconds: Any = 9.0) -> "Visitor":
        given = {"run": self.run, **self.sends(look_seconds)}
        return self.takes(self.studio.press(button_of(choice), given))

    def takes(self, updates: dict[str, Any]) -> "Visitor":
        self.page |= updates
        self.token = updates.get("voter", self.token)
        return self

    def sends(self, look_seconds: Any = 9.0) -> dict[str, Any]:
        return {"vote-duel": self.duel, "vote-sight": {**self.sight, "look_seconds": look_seconds}, "voter": self.token}

    @property
    def sight(self) -> dict[str, Any]:
        return self.page.get("vote-sight", {})

    @property
    def pair(self) -> str:
        return self.page["vote-pair"]

    @property
    def note(self) -> str:
        return self.page["vote-note"]

    @property
    def may_press(self) -> bool:
        """Whether every button can be pressed, or none."""
        can, = {self.page[button_of(choice)]["interactive"] for choice in CHOICES}
        return can

    @property
    def number(self) -> int:
        return int(re.search(r"Pair (\d+) of", self.pair)[1])


def button_of(choice: Choice) -> str:
    return f"vote-{choice.replace(' ', '-')}"


def distinct_pairs(run: str = "example") -> Sequence[Pair]:
    return similarity.sifted_pairs(runs.open_store(run), MODELS).distinct


def pair_count(run: str = "example") -> int:
    """How many of the duel's nine pairs differ: two that paint no mistake paint the same here."""
    return len(distinct_pairs(run))


def cast(run: str = "example") -> list[Any]:
    return voting.open_ledger(run).votes()
