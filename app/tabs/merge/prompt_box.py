"""The prompts that the merge tab paints: those written into its box, and another one at a press."""

import random

from engine import runs
from engine.core import texts
from engine.core.errors import EngineError
from engine.runs import contents

MOST_PROMPTS = 8


def prompts_of(text: str) -> tuple[str, ...]:
    """The prompts of a text box, each once. Raises EngineError for too many, and for one that is
    too long.
    """
    lines = filter(None, map(str.strip, text.splitlines()))
    prompts = tuple(dict.fromkeys(lines))  # each once, in their order
    texts.check(prompts)
    if len(prompts) > MOST_PROMPTS:
        raise EngineError(
            f"{len(prompts)} prompts are too many to look at. Write {MOST_PROMPTS} at most, "
            "one per line."
        )
    return prompts


def another(run: str, prompt: str) -> str:
    """A prompt the experts have not learned from: one of the world's, or else one the run has
    written.
    """
    store = runs.open_store(run)
    written: list[str] = []
    for prompts in contents.prompts(store).values():
        written += [one.text for one in prompts]
    known = contents.world(store).prompts_to_try(written)
    others = [text for text in known if text != prompt]
    return random.choice(others or [prompt])
