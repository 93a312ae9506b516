"""The prompts that the merge tab paints: those written into its box, and another one at a press."""

import random

from engine import runs
from engine.core import texts
from engine.core.errors import EngineError
from engine.runs import contents
from engine.storybook import evaluation

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
    """A prompt the experts have not learned from: Storybook's validation set, or else one the run
    has written.
    """
    store = runs.open_store(run)
    others = []
    if contents.is_storybook(store):
        for skill in evaluation.SKILLS:
            others += evaluation.load("validation", skill)
    else:
        for prompts in contents.accepted(store).values():
            others += prompts
    known = [other.text for other in others if other.text != prompt]
    return random.choice(known or [prompt])
