"""Storybook English, graph to text: `parse(say(graph, rng)).key() == graph.key()` in every form."""

import numpy as np

from engine.storybook.graph import OPPOSITES, Graph, Group, Link
from engine.storybook.words import NUMBERS, PLACES, SETTINGS, article, join_names, noun

PICTURES = ["picture", "drawing", "painting"]


def say(graph: Graph, rng: np.random.Generator, paragraph: bool | None = None) -> str:
    """One way to say it: a paragraph when there is more than one link, unless told."""
    if paragraph is None:
        paragraph = len(graph.links) > 1
    return _paragraph(graph, rng) if paragraph else _phrase(graph, rng)


def name(group: Group, definite: bool = False, bare: bool = False) -> str:
    """ "a red ball", "three balls", "the red ball"; `bare` leaves the colour out of a definite
    name.
    """
    words = [] if bare or group.colour is None else [group.colour]
    words.append(noun(group.kind, group.count))
    if definite:
        return " ".join(["the", *words])
    if group.count > 1 or group.counted:
        return " ".join([NUMBERS[group.count - 1], *words])
    return " ".join([article(words[0]), *words])


def _phrase(graph: Graph, rng: np.random.Generator) -> str:
    clauses: list[str] = []
    mentioned: set[int] = set()
    for link in graph.links:
        clauses.append(_clause(graph, link, mentioned, rng))
        mentioned |= {link.subject, link.other}
    clauses += _unmentioned(graph, mentioned)
    body = join_names(clauses)
    if graph.style:
        picture = rng.choice(PICTURES)
        body = f"{article(graph.style)} {graph.style} {picture} of {body}"
    if graph.background is None:
        return body
    setting = SETTINGS[graph.background]
    if not graph.style and rng.random() < 0.25:
        return f"{setting}, {body}"
    return f"{body} {setting}"


def _clause(graph: Graph, link: Link, mentioned: set[int], rng: np.random.Generator) -> str:
    """ "a red ball (to the) left of the star"."""
    first = name(graph.groups[link.subject], definite=link.subject in mentioned)
    second = name(graph.groups[link.other], definite=link.other in mentioned)
    to_the = _to_the(link.word, 0.4, rng)
    return f"{first} {to_the}{PLACES[link.word]} {second}"


def _unmentioned(graph: Graph, mentioned: set[int]) -> list[str]:
    """Names of the groups that no link spoke of."""
    return [name(g) for i, g in enumerate(graph.groups) if i not in mentioned]


def _to_the(word: str, share: float, rng: np.random.Generator) -> str:
    """ "to the " in that share of lefts and rights; above and below never have it."""
    if word not in ("left", "right"):
        return ""
    return "to the " if rng.random() < share else ""


def _paragraph(graph: Graph, rng: np.random.Generator) -> str:
    sentences: list[str] = []
    mentioned: set[int] = set()
    for link in graph.links:
        sentences.append(_linked(graph, link, mentioned, rng))
        mentioned |= {link.subject, link.other}
    rest = [i for i in range(len(graph.groups)) if i not in mentioned]
    if rest:
        verb = "is" if graph.groups[rest[0]].count == 1 else "are"
        names = _unmentioned(graph, mentioned)
        sentences.append(f"there {verb} {join_names(names)}")
    if graph.background:
        subject = rng.choice(["the scene", "it"])
        sentences.append(f"{subject} is {SETTINGS[graph.background]}")
    if graph.style:
        picture = rng.choice(PICTURES)
        sentences.append(f"the {picture} is {graph.style}")
    return ". ".join(sentences) + "."


def _linked(graph: Graph, link: Link, mentioned: set[int], rng: np.random.Generator) -> str:
    """One sentence for one link; what was said before comes back with "the"."""
    subject, word, other = link.subject, link.word, link.other
    if rng.random() < 0.5:
        subject, word, other = other, OPPOSITES[word], subject
    may_be_bare = rng.random() < 0.5

    def called(index: int) -> str:
        group = graph.groups[index]
        if index not in mentioned:
            return name(group)
        return name(group, definite=True, bare=may_be_bare and not graph.is_twin(group))

    to_the = _to_the(word, 0.5, rng)
    if other in mentioned and subject not in mentioned and rng.random() < 0.5:
        return f"{to_the}{PLACES[word]} {called(other)} is {called(subject)}"
    return f"{called(subject)} is {to_the}{PLACES[word]} {called(other)}"
