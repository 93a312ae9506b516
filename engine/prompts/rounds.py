"""Rounds of asking a writer for lines, until a skill has as many as it should."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from engine.core.events import Event
from engine.core.hashing import derived_seed
from engine.core.store import Store
from engine.prompts import Config, collection, shortfall
from engine.prompts.checks import checker, clean
from engine.prompts.collection import Collection, Mark
from engine.prompts.writers import EMPTY, NoAnswer, Request, Writer


def write(
    config: Config, store: Store, lines: Collection, recipe: Mapping[str, Any], writer: Writer
) -> Iterator[Event]:
    """Rounds until there are enough lines, each saved before it is told. Raises EngineError when
    they bring nothing.
    """
    assert config.language
    check = checker(lines.skill, config.language)
    collection.begin(store, lines, recipe)
    unanswered = shortfall.unanswered_rounds(lines)
    while not lines.finished and lines.rounds < config.max_rounds:
        shortfall.check(lines, recipe, config.count, unanswered)
        before, messages = lines.mark(), list[str]()
        answer = _answer(writer, _request(config, lines, messages.append), lines)
        unanswered = 0 if answer else unanswered + 1
        for line in answer:
            text = clean(line)
            lines.add(text, check(text))
            if len(lines.accepted) == config.count:
                lines.finished = True
                break
        lines.rounds += 1
        mark = replace(before, finished=config.count) if lines.finished else lines.mark()
        collection.save(store, lines, recipe, mark)
        for message in messages:
            yield Event(f"{lines.skill.name}: {message}", len(lines.accepted))
        yield _told(lines, before, config.count)


def _told(lines: Collection, before: Mark, count: int) -> Event:
    """What a round brought: all lines since the boundary `before` it."""
    accepted, rejected = lines.accepted[before.accepted :], lines.rejected[before.rejected :]
    data = {
        "skill": lines.skill.name,
        "round": lines.rounds,
        "counts": lines.counts(),
        "accepted": list(map(asdict, accepted)),
        "rejected": list(map(asdict, rejected)),
    }
    number = len(lines.accepted)
    return Event(f"{lines.skill.name}: {number} of {count} prompts", number, data=data)


def _answer(writer: Writer, request: Request, lines: Collection) -> list[str]:
    """What the writer wrote; where that is nothing, the collection keeps the reason."""
    try:
        answer = writer(request)
    except NoAnswer as none:
        lines.add_unanswered(none.reason, clean(none.text))
        return []
    if not answer:
        lines.add_unanswered(EMPTY, "")
    return answer


def _request(config: Config, lines: Collection, tell: Callable[[str], None]) -> Request:
    """A round's request depends on the seed, its number and the lines accepted before it, and on
    nothing else.
    """
    seed = derived_seed(config.seed, lines.skill.name, lines.rounds)
    examples = examples_of(config, lines, random.Random(seed))
    return Request(lines.skill, examples, config.lines_per_request, seed, tell)


def examples_of(config: Config, lines: Collection, rng: random.Random) -> tuple[str, ...]:
    """Different texts, each from the seeds with chance `seed_share`; from the other side where one
    has run out.
    """
    seeds = list(lines.skill.examples)
    written = [prompt.text for prompt in lines.accepted]
    examples: list[str] = []
    for _ in range(min(config.examples_per_request, len(seeds) + len(written))):
        from_seeds = rng.random() < config.seed_share
        first, other = (seeds, written) if from_seeds else (written, seeds)
        source = first or other
        examples.append(source.pop(rng.randrange(len(source))))
    return tuple(examples)
