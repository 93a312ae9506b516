"""A graph as Davidsonian Scene Graph questions, each with its parents, and the answers a reading
gives.

[Davidsonian Scene Graph](https://arxiv.org/abs/2310.18235): entities first; attributes, counts and
relations depend on the entities they speak of; the background and the style are global.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from engine.storybook.graph import Graph, Group, Link
from engine.storybook.scenes import Thing, holds
from engine.storybook.words import NUMBERS, PLACES, PLURALS, SETTINGS, article

Category = Literal["entity", "attribute", "count", "relation", "global"]
LEAST_PLACE_PIXELS = 5.0
"""A "left of" that the judge believes: centres at least so far apart; scenes are drawn with 12."""


@dataclass(frozen=True)
class Question:
    id: int
    category: Category
    text: str
    parents: tuple[int, ...] = ()
    group: int = -1
    link: int = -1


class Reading(Protocol):
    """What was seen in a picture; a thing's kind or colour may be "" where it cannot be told."""

    @property
    def things(self) -> tuple[Thing, ...]: ...
    @property
    def background(self) -> str | None: ...
    @property
    def style(self) -> str | None: ...


def questions(graph: Graph) -> list[Question]:
    """Ids count from 1; every parent comes before its child."""
    sheet = _Sheet(graph)
    for index in range(len(graph.groups)):
        sheet.ask_about_group(index)
    for index, link in enumerate(graph.links):
        if link not in graph.links[:index]:  # said twice, asked once
            sheet.ask_about_link(index)
    if graph.background:
        sheet.ask("global", f"Is the scene {SETTINGS[graph.background]}?")
    if graph.style:
        sheet.ask("global", f"Is the picture {graph.style}?")
    return sheet.questions


class _Sheet:
    """The questions about a graph as far as they are written."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.questions: list[Question] = []
        self._entity_of: dict[str, int] = {}
        """Kind -> the question whether it is there at all."""
        self._names: dict[int, int] = {}
        """Group -> the question that singles it out: a twin's is about its colour."""

    def ask(self, category: Category, text: str, parents: tuple[int, ...] = (), **of: int) -> int:
        """The new question's id; `of` is the group or the link it is about."""
        question = Question(len(self.questions) + 1, category, text, parents, **of)
        self.questions.append(question)
        return question.id

    def ask_about_group(self, index: int) -> None:
        group = self.graph.groups[index]
        kind = group.kind
        if kind not in self._entity_of:
            text = f"Is there {article(kind)} {kind}?"
            self._entity_of[kind] = self.ask("entity", text, group=index)
        entity = self._entity_of[kind]
        self._names[index] = entity
        if group.colour:
            text = f"Is the {kind} {group.colour}?"
            colour = self.ask("attribute", text, (entity,), group=index)
            if self.graph.is_twin(group):
                self._names[index] = colour
        if group.counted:
            self.ask("count", self._count_text(group), (self._names[index],), group=index)

    def ask_about_link(self, index: int) -> None:
        link = self.graph.links[index]
        subject = _called(self.graph, self.graph.groups[link.subject])
        other = _called(self.graph, self.graph.groups[link.other])
        text = f"Is the {subject} {PLACES[link.word]} the {other}?"
        parents = (self._names[link.subject], self._names[link.other])
        self.ask("relation", text, parents, link=index)

    def _count_text(self, group: Group) -> str:
        thing = _called(self.graph, group)
        if group.count == 1:
            return f"Is there exactly one {thing}?"
        things = thing.removesuffix(group.kind) + PLURALS[group.kind]
        return f"Are there exactly {NUMBERS[group.count - 1]} {things}?"


def answer(question: Question, graph: Graph, seen: Reading) -> bool:
    """Whether the picture says yes; an unreadable thing never does."""
    if question.category == "relation":
        return _related(graph, graph.links[question.link], seen)
    if question.category == "global":
        if "picture" in question.text:
            return seen.style == graph.style
        return seen.background == graph.background
    group = graph.groups[question.group]
    same_kind = [t for t in seen.things if t.kind == group.kind]
    if question.category == "entity":
        return bool(same_kind)
    if question.category == "count":
        return len(_matching(graph, group, seen)) == group.count
    colours = {t.colour for t in same_kind}
    claimed = {g.colour for g in graph.groups if g.kind == group.kind}
    return group.colour in colours and colours <= claimed


def is_exact(graph: Graph, seen: Reading) -> bool:
    """Every answer yes, and not one thing more or less than the text names."""
    if len(seen.things) != graph.count():
        return False
    for group in graph.groups:
        if len(_matching(graph, group, seen)) != group.count:
            return False
    return all(answer(q, graph, seen) for q in questions(graph))


def _called(graph: Graph, group: Group) -> str:
    return f"{group.colour} {group.kind}" if graph.is_twin(group) else group.kind


def _matching(graph: Graph, group: Group, seen: Reading) -> list[Thing]:
    """Things of the kind; among two groups of one kind the colour decides."""
    same_kind = [t for t in seen.things if t.kind == group.kind]
    if not graph.is_twin(group):
        return same_kind
    return [t for t in same_kind if t.colour == group.colour]


def _related(graph: Graph, link: Link, seen: Reading) -> bool:
    subjects = _matching(graph, graph.groups[link.subject], seen)
    others = _matching(graph, graph.groups[link.other], seen)
    for subject in subjects:
        for other in others:
            if subject is not other and holds(link.word, subject, other, LEAST_PLACE_PIXELS):
                return True
    return False
