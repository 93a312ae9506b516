"""Prompts to look at that no expert of a run has learned from."""

import random

from engine.core.store import Store
from engine.runs import contents


def pick(run: Store, besides: str) -> str:
    """One of the world's, or else one that the run has written; another than the prompt `besides`.

    Where there is no other, it is that prompt.
    """
    written = []
    for prompts in contents.prompts(run).values():
        written += [prompt.text for prompt in prompts]
    known = contents.world(run).prompts_to_try(written)
    others = [text for text in known if text != besides]
    return random.choice(others or [besides])
