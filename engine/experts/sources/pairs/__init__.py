"""Two pictures of one prompt, the better and the worse one: a row is a pair, noised alike.

    pairs/<skill>/pairs.jsonl       a Pair per line
    pairs/<skill>/scores.jsonl      the judge's score of each picture; a judging goes on from it
    pairs/<skill>/recipe.json       who judged which pictures

Without a recipe beside it, pairs.jsonl was brought by people and is used as it is.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import judges
from engine.core.events import Event
from engine.core.hashing import file_hash
from engine.core.options import option
from engine.core.store import Store
from engine.experts.sources import pictures
from engine.experts.sources.pairs import records
from engine.option_groups import OptionalJudging

if TYPE_CHECKING:
    from engine.experts.devices import Devices
    from engine.experts.sources.pairs.streams import Pairs
    from engine.models.diffusion import Painter

THINGS, HASHES = "pairs of painted pictures", (*pictures.HASHES, "pairs' sha256")


@dataclass(frozen=True, kw_only=True)
class Config(OptionalJudging):
    """Who makes the pairs, and which differences count."""

    judge: str = option(
        "",
        "Who compares the pictures of a prompt: the name of a judge; empty: the pairs are there",
        family=judges,
        options_in="judge_options",
    )
    judge_options: dict[str, Any] = option(
        factory=dict, help="The judge's own options", in_form=False
    )
    least_margin: float = option(
        0.0, "The scores of a pair differ by more than that", range=(0.0, 1000.0)
    )


def check(options: Config) -> None:
    """Raises EngineError for a judge, or options of it, that there are not."""
    options.check_judge()


def prepare(options: Config, store: Store, skills: Sequence[str], replace: bool) -> Iterator[Event]:
    """Judge the pictures of skills that have no pairs yet.

    Raises EngineError where no judge is named, where pairs of others are there, and where no two
    pictures of a prompt differ.
    """
    from engine.experts.sources.pairs import judging

    for skill in skills:
        yield from judging.prepare(options, store, skill, replace)


def fingerprint(store: Store, skills: Sequence[str]) -> dict[str, Any]:
    """Raises EngineError where a skill has no pictures."""
    hashes = {}
    for skill in skills:
        hashes[skill] = file_hash(records.folder(store, skill).pairs)
    return {**pictures.fingerprint(store, skills), "pairs' sha256": hashes}


def load(
    store: Store, skills: Sequence[str], painter: "Painter", devices: "Devices"
) -> "Generator[Event, None, Pairs]":
    """Raises EngineError, naming the remedy, for pairs of pictures that are not there."""
    from engine.experts.sources.pairs import streams
    from engine.experts.sources.pictures import library

    encoded = yield from library.load(store, skills, painter, devices)
    return streams.load_pairs(store, skills, encoded)
