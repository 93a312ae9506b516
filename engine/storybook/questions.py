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
    asked: list[Question] = []
    entities: dict[str, int] = {}
    naming: dict[int, int] = {}

    def ask(
        category: Category,
        text: str,
        parents: tuple[int, ...] = (),
        group: int = -1,
        link: int = -1,
    ) -> int:
        asked.append(Question(len(asked) + 1, category, text, parents, group, link))
        return len(asked)

    for index, group in enumerate(graph.groups):
        if group.kind not in entities:
            entities[group.kind] = ask(
                "entity", f"Is there {article(group.kind)} {group.kind}?", group=index
            )
        naming[index] = parent = entities[group.kind]
        if group.colour:
            colour = ask("attribute", f"Is the {group.kind} {group.colour}?", (parent,), index)
            naming[index] = colour if _is_twin(graph, group) else parent
        if group.counted:
            word = NUMBERS[group.count - 1]
            what = f"{group.colour} {group.kind}" if _is_twin(graph, group) else group.kind
            plural = (
                what if group.count == 1 else what.removesuffix(group.kind) + PLURALS[group.kind]
            )
            verb = "Is" if group.count == 1 else "Are"
            ask("count", f"{verb} there exactly {word} {plural}?", (naming[index],), index)
    for index, link in enumerate(graph.links):
        if link in graph.links[:index]:  # said twice, asked once
            continue
        subject, other = graph.groups[link.subject], graph.groups[link.other]
        text = f"Is the {_called(graph, subject)} {PLACES[link.word]} the {_called(graph, other)}?"
        ask("relation", text, (naming[link.subject], naming[link.other]), link=index)
    if graph.background:
        ask("global", f"Is the scene {SETTINGS[graph.background]}?")
    if graph.style:
        ask("global", f"Is the picture {graph.style}?")
    return asked


def answer(question: Question, graph: Graph, seen: Reading) -> bool:
    """Whether the picture says yes; an unreadable thing never does."""
    if question.category == "relation":
        return _related(graph, graph.links[question.link], seen)
    if question.category == "global":
        return (
            seen.style == graph.style
            if "picture" in question.text
            else seen.background == graph.background
        )
    group = graph.groups[question.group]
    same_kind = [t for t in seen.things if t.kind == group.kind]
    if question.category == "entity":
        return bool(same_kind)
    if question.category == "count":
        return len(_matching(graph, group, seen)) == group.count
    claimed = {g.colour for g in graph.groups if g.kind == group.kind}
    return any(t.colour == group.colour for t in same_kind) and all(
        t.colour in claimed for t in same_kind
    )


def is_exact(graph: Graph, seen: Reading) -> bool:
    """Every answer yes, and not one thing more or less than the text names."""
    all_yes = all(answer(q, graph, seen) for q in questions(graph))
    return (
        all_yes
        and len(seen.things) == graph.count()
        and all(len(_matching(graph, g, seen)) == g.count for g in graph.groups)
    )


def _is_twin(graph: Graph, group: Group) -> bool:
    return sum(g.kind == group.kind for g in graph.groups) > 1


def _called(graph: Graph, group: Group) -> str:
    return f"{group.colour} {group.kind}" if _is_twin(graph, group) else group.kind


def _matching(graph: Graph, group: Group, seen: Reading) -> list[Thing]:
    """Things of the kind; among two groups of one kind the colour decides."""
    return [
        t
        for t in seen.things
        if t.kind == group.kind and (not _is_twin(graph, group) or t.colour == group.colour)
    ]


def _related(graph: Graph, link: Link, seen: Reading) -> bool:
    subjects, others = (_matching(graph, graph.groups[i], seen) for i in (link.subject, link.other))
    return any(
        holds(link.word, a, b, LEAST_PLACE_PIXELS) for a in subjects for b in others if a is not b
    )
