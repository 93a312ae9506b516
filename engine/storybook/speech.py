"""Storybook English, graph to text. `parse(say(graph, rng)).key() == graph.key()` for every form."""

import numpy as np

from engine.storybook.graph import OPPOSITES, Graph, Group, Link
from engine.storybook.words import NUMBERS, PLACES, SETTINGS, article, noun


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
    said: set[int] = set()
    for link in graph.links:
        first = name(graph.groups[link.subject], definite=link.subject in said)
        second = name(graph.groups[link.other], definite=link.other in said)
        to_the = "to the " if link.word in ("left", "right") and rng.random() < 0.4 else ""
        clauses.append(f"{first} {to_the}{PLACES[link.word]} {second}")
        said |= {link.subject, link.other}
    clauses += [name(g) for i, g in enumerate(graph.groups) if i not in said]
    body = clauses[0] if len(clauses) == 1 else ", ".join(clauses[:-1]) + " and " + clauses[-1]
    if graph.style:
        body = f"{article(graph.style)} {graph.style} {rng.choice(['picture', 'drawing', 'painting'])} of {body}"
    if graph.background:
        setting = SETTINGS[graph.background]
        return (
            f"{setting}, {body}" if not graph.style and rng.random() < 0.25 else f"{body} {setting}"
        )
    return body


def _paragraph(graph: Graph, rng: np.random.Generator) -> str:
    sentences: list[str] = []
    said: set[int] = set()
    for link in graph.links:
        sentences.append(_linked(graph, link, said, rng))
        said |= {link.subject, link.other}
    rest = [name(g) for i, g in enumerate(graph.groups) if i not in said]
    if rest:
        verb = (
            "is"
            if graph.groups[next(i for i in range(len(graph.groups)) if i not in said)].count == 1
            else "are"
        )
        sentences.append(
            f"there {verb} "
            + (rest[0] if len(rest) == 1 else ", ".join(rest[:-1]) + " and " + rest[-1])
        )
    if graph.background:
        sentences.append(f"{rng.choice(['the scene', 'it'])} is {SETTINGS[graph.background]}")
    if graph.style:
        sentences.append(f"the {rng.choice(['picture', 'drawing', 'painting'])} is {graph.style}")
    return ". ".join(sentences) + "."


def _linked(graph: Graph, link: Link, said: set[int], rng: np.random.Generator) -> str:
    """One sentence for one link; what was said before comes back with "the"."""
    subject, word, other = link.subject, link.word, link.other
    if rng.random() < 0.5:
        subject, word, other = other, OPPOSITES[word], subject
    kinds = [g.kind for g in graph.groups]
    bare = rng.random() < 0.5

    def called(index: int) -> str:
        return name(
            graph.groups[index],
            definite=index in said,
            bare=bare and kinds.count(kinds[index]) == 1,
        )

    def plain(index: int) -> str:
        return called(index) if index in said else name(graph.groups[index])

    to_the = "to the " if word in ("left", "right") and rng.random() < 0.5 else ""
    if other in said and subject not in said and rng.random() < 0.5:
        return f"{to_the}{PLACES[word]} {plain(other)} is {plain(subject)}"
    return f"{plain(subject)} is {to_the}{PLACES[word]} {plain(other)}"
