"""The prompts that the merge tab paints: what is written into its box, and another one at a press."""

import random

from engine import runs
from engine.core import texts
from engine.core.errors import EngineError
from engine.runs import contents

MOST_PROMPTS = 8


def lines_of(prompt: str) -> tuple[str, ...]:
    """The prompts of a text box, each once. Raises EngineError for too many, and for one that is
    too long.
    """
    found = tuple(dict.fromkeys(line.strip() for line in prompt.splitlines() if line.strip()))
    texts.check(found)
    if len(found) > MOST_PROMPTS:
        raise EngineError(
            f"{len(found)} prompts are too many to look at. Write {MOST_PROMPTS} at most, one a "
            "line."
        )
    return found


def another(run: str, prompt: str) -> str:
    """A prompt the experts have not learned from: one of the world's, or else one the run has
    written.
    """
    store = runs.open_store(run)
    written = [p.text for prompts in contents.accepted(store).values() for p in prompts]
    known = contents.world(store).prompts_to_try(written)
    return random.choice([text for text in known if text != prompt] or [prompt])
