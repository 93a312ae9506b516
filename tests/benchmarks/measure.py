"""Ours and a peer in one run, in turn, so that a busy machine troubles both alike; the ratio is what counts."""
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch


@dataclass(frozen=True)
class Row:
    """One comparison, as one JSON line."""

    name: str
    ours: float
    """Median seconds, unless `unit` says otherwise."""
    peer: float
    ratio: float
    """As `of` says; above the goal, or below it where the goal is an upper one."""
    of: str
    goal: str
    n: int
    spread: tuple[float, float]
    """The lowest and the highest ratio of a pair."""
    unit: str = "s"
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What the command line asks for."""

    quick: bool
    size: str
    device: str

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.device == "cuda" else torch.float32


def seconds(work: Callable[[], Any]) -> float:
    """Of one call, the device's work included."""
    synchronise()
    began = time.perf_counter()
    work()
    synchronise()
    return time.perf_counter() - began


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def faster(name: str, ours: Callable[[], Any], peer: Callable[[], Any], n: int, goal: str, **more: Any) -> Row:
    """How many times faster ours is: peer / ours, a warm-up each, then n pairs in turn."""
    return row(name, _pairs(ours, peer, n), "peer / ours", goal, **more)


def once(name: str, ours: Callable[[], Any], peer: Callable[[], Any], goal: str, **more: Any) -> Row:
    """`faster`, cold and one pair only: for a peer that takes minutes."""
    return row(name, ([seconds(ours)], [seconds(peer)]), "peer / ours", goal, **more)


def cost(name: str, ours: Callable[[], Any], peer: Callable[[], Any], n: int, goal: str, **more: Any) -> Row:
    """What ours costs beside a bare thing: ours / peer."""
    return row(name, _pairs(ours, peer, n), "ours / peer", goal, **more)


def _pairs(ours: Callable[[], Any], peer: Callable[[], Any], n: int) -> tuple[list[float], list[float]]:
    ours(), peer()
    times = [(seconds(ours), seconds(peer)) for _ in range(n)]
    return [own for own, _ in times], [other for _, other in times]


def row(name: str, times: tuple[list[float], list[float]], of: str = "peer / ours", goal: str = "", **more: Any) -> Row:
    """Of pairs that are measured already, ours and the peer's."""
    ours, peer = times
    pairs = [(b / a if of == "peer / ours" else a / b) for a, b in zip(ours, peer, strict=True)]
    return Row(name, round(median(ours), 5), round(median(peer), 5), round(median(pairs), 3), of, goal, len(pairs),
               (round(min(pairs), 3), round(max(pairs), 3)), more=more)
