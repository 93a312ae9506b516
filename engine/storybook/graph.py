"""What a Storybook text says: groups of things, links between single ones, perhaps a background and
a style.
"""

from dataclasses import dataclass

from engine.storybook.scenes import MOST_THINGS

OPPOSITES = {"left": "right", "right": "left", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Group:
    """`count` things of one kind; `counted` where the text names the number ("three", not "a")."""

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
        """The same for texts that ask for the same picture, whatever their order and wording."""
        names = [f"{g.count} {g.colour or '?'} {g.kind}" for g in self.groups]
        links = {self._link_key(link, names) for link in self.links}
        setting = f"{self.style or '?'} | {self.background or '?'}"
        return f"{setting} | {', '.join(sorted(names))} | {', '.join(sorted(links))}"

    @staticmethod
    def _link_key(link: Link, names: list[str]) -> str:
        subject, word, other = names[link.subject], link.word, names[link.other]
        if word in ("right", "below"):
            subject, word, other = other, OPPOSITES[word], subject
        return f"{subject} {word} {other}"

    def count(self) -> int:
        return sum(g.count for g in self.groups)

    def is_twin(self, group: Group) -> bool:
        """Whether another group is of the same kind, so that only colours tell them apart."""
        return self.kinds().count(group.kind) > 1

    def kinds(self) -> list[str]:
        return [g.kind for g in self.groups]

    def fault(self) -> str | None:
        """Why no picture can show this, or None."""
        if not self.groups:
            return "it names no thing"
        if self.count() > MOST_THINGS:
            return f"a picture holds at most {MOST_THINGS} things, not {self.count()}"
        return self._twins_fault() or self._links_fault()

    def _twins_fault(self) -> str | None:
        for kind in self.kinds():
            colours = [g.colour for g in self.groups if g.kind == kind]
            if len(colours) == 1:
                continue
            if None in colours or len(set(colours)) < len(colours):
                return (
                    f"it names two groups of {kind} that cannot be told apart; "
                    "give them different colours"
                )
        return None

    def _links_fault(self) -> str | None:
        for link in self.links:
            subject, other = self.groups[link.subject], self.groups[link.other]
            if subject.count > 1 or other.count > 1:
                return "only single things can be left of, right of, above or below each other"
            if link.subject == link.other:
                return "a thing cannot be beside itself"
        if self._is_circular("left", "right") or self._is_circular("above", "below"):
            return "its places contradict each other"
        return None

    def _is_circular(self, word: str, opposite: str) -> bool:
        """Whether "left of" or "above" runs in a circle: then some group never comes first."""
        before: dict[int, set[int]] = {}
        for link in self.links:
            if link.word == word:
                before.setdefault(link.other, set()).add(link.subject)
            elif link.word == opposite:
                before.setdefault(link.subject, set()).add(link.other)
        waiting = set(range(len(self.groups)))
        while waiting:
            free = {n for n in waiting if not before.get(n, set()) & waiting}
            if not free:
                return True
            waiting -= free
        return False
