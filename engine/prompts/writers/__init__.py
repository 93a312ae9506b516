"""Prompt writers. To add one, add a file with `Config` and `writer`.

`writer(config)` loads or connects once and returns a function that takes a Request and returns
lines: as many as asked or fewer, unchecked. Whether they are any good is decided by the stage. A
file may also have `LANGUAGE`, what its lines are held to where nobody says (without it the usual
world's), and `check(config)`, which raises EngineError for options that cannot work before
anything is asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.models.llm import silent
from engine.prompts.skills import Skill


@dataclass(frozen=True)
class Request:
    """Ask for `count` more prompts like the examples; the same request gives the same lines again.

    `tell` takes a sentence that whoever asked should read.
    """

    skill: Skill
    examples: tuple[str, ...]
    count: int
    seed: int
    tell: Callable[[str], None] = field(default=silent, compare=False)


Writer = Callable[[Request], list[str]]
"""Raises NoAnswer where what came back holds no lines."""

CUT = "cut at max_tokens"
EMPTY = "empty answer"
NO_LIST = "no list in the answer"


class NoAnswer(Exception):
    """What came back holds no prompts: `reason` begins with CUT, EMPTY or NO_LIST; `text` is how it
    begins.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.reason, self.text = reason, text
