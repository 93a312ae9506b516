"""Painted pictures with their captions: a row is a picture, noised."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.core.events import Event
from engine.core.store import Store

if TYPE_CHECKING:
    from engine.experts.devices import Devices
    from engine.experts.sources.pictures.streams import Pictures
    from engine.models.diffusion import Painter

THINGS, HASHES = "painted pictures", ("images",)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to choose: the images stage has painted them."""


def check(options: Config) -> None:
    """No options, so nothing can be wrong with them."""


def prepare(options: Config, store: Store, skills: Sequence[str], replace: bool) -> Iterator[Event]:
    """Nothing is made here: `load` says what is missing."""
    yield from ()


def fingerprint(store: Store, skills: Sequence[str]) -> dict[str, Any]:
    """Raises EngineError where a skill has no pictures."""
    from engine.experts import latents

    return {"images": latents.hashes(store, skills)}


def load(
    store: Store, skills: Sequence[str], painter: "Painter", devices: "Devices"
) -> "Generator[Event, None, Pictures]":
    """Raises EngineError, naming the remedy, for pictures that are missing or another base's."""
    from engine.experts.sources.pictures import library
    from engine.experts.sources.pictures.streams import Pictures

    encoded = yield from library.load(store, skills, painter, devices)
    return Pictures(encoded)
