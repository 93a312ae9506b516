"""Prompt writers. To add one, add a file with `Config` and `writer`.

`writer(config)` loads or connects once and returns a function that takes a Request and returns lines: as many
as asked or fewer, unchecked. Whether they are any good is decided by the stage.
"""
from collections.abc import Callable
from dataclasses import dataclass

from engine.prompts.skills import Skill


@dataclass(frozen=True)
class Request:
    """Ask for `count` more prompts like the examples; the same request gives the same lines again."""

    skill: Skill
    examples: tuple[str, ...]
    count: int
    seed: int


Writer = Callable[[Request], list[str]]
