"""What a Storybook text says: groups of things, links between single ones, perhaps a background and
a style.
"""

from dataclasses import dataclass

from engine.storybook.scenes import MOST_THINGS

OPPOSITES = {"left": "right", "right": "left", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Group:
    """`count` things of one kind; `counted` says that the text names the number ("three", not "a")."""

    kind: str
    colour: str | None = None
    count: int = 1
    counted: bool = False


@dataclass(frozen=True)
class Link:
    """The single thing of group `subject` is left, right, above or below that of group `other`."""

    subject: int
    word: str
    other: int


@dataclass(frozen=True)
class Graph:
    groups: tuple[Group, ...]
    links: tuple[Link, ...] = ()
    background: str | None = None
    style: str | None = None

    def key(self) -> str:
        """The same for two texts that ask for the same picture, whatever their order and wording."""
        names = [f"{g.count} {g.colour or '?'} {g.kind}" for g in self.groups]
        links = sorted({self._link_key(link, names) for link in self.links})
        return f"{self.style or '?'} | {self.background or '?'} | {', '.join(sorted(names))} | {', '.join(links)}"

    @staticmethod
    def _link_key(link: Link, names: list[str]) -> str:
        subject, word, other = names[link.subject], link.word, names[link.other]
        if word in ("right", "below"):
            subject, word, other = other, OPPOSITES[word], subject
        return f"{subject} {word} {other}"

    def count(self) -> int:
        return sum(g.count for g in self.groups)

    def fault(self) -> str | None:
        """Why no picture can show this, or None."""
        if not self.groups:
            return "it names no thing"
        if self.count() > MOST_THINGS:
            return f"a picture holds at most {MOST_THINGS} things, not {self.count()}"
        for kind in {g.kind for g in self.groups}:
            colours = [g.colour for g in self.groups if g.kind == kind]
            if len(colours) > 1 and (None in colours or len(set(colours)) < len(colours)):
                return f"it names two groups of {kind} that cannot be told apart; give them different colours"
        for link in self.links:
            if self.groups[link.subject].count > 1 or self.groups[link.other].count > 1:
                return "only single things can be left of, right of, above or below each other"
            if link.subject == link.other:
                return "a thing cannot be beside itself"
        if self._circular():
            return "its places contradict each other"
        return None

    def _circular(self) -> bool:
        """Whether "left of" or "above" runs in a circle."""
        for words in (("left", "right"), ("above", "below")):
            pairs = [
                (k.subject, k.other) if k.word == words[0] else (k.other, k.subject)
                for k in self.links
                if k.word in words
            ]
            waiting = set(range(len(self.groups)))
            while free := {n for n in waiting if all(b != n or a not in waiting for a, b in pairs)}:
                waiting -= free
            if waiting:
                return True
        return False
