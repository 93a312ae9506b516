"""The world is frozen: what `storybook-1` drew and said when it was, it draws and says today.

A change here wants another WORLD, new weights and new results; `python -m tests.storybook.test_frozen` then writes
the files.
"""
from pathlib import Path

import numpy as np
from PIL import Image

from engine.storybook import WORLD
from engine.storybook.captions import NOISE, caption, sample
from engine.storybook.scenes import paint
from engine.storybook.speech import say

FOLDER = Path(__file__).parent / "frozen"
SCENES = 24


def drawn() -> np.ndarray:
    """(24 * 64, 64, 3): scenes as the base saw them, one under the other."""
    rng = np.random.default_rng(7)
    return np.concatenate([paint(sample(rng)[0]) for _ in range(SCENES)])


def said() -> str:
    """All that is true of a scene, and below it what the base was told."""
    rng, lines = np.random.default_rng(8), []
    for number in range(SCENES):
        _, graph = sample(rng)
        lines += [say(graph, rng, paragraph=number % 3 == 0), f"  {caption(graph, rng, NOISE)}"]
    return "\n".join(lines) + "\n"


def test_scenes_are_drawn_as_they_were() -> None:
    kept = np.asarray(Image.open(FOLDER / f"{WORLD}.png").convert("RGB"), dtype=int)
    assert np.abs(kept - drawn()).max() <= 1, "one step of 255 for another CPU's rounding"


def test_captions_are_said_as_they_were() -> None:
    assert said() == (FOLDER / f"{WORLD}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    Image.fromarray(drawn()).save(FOLDER / f"{WORLD}.png")
    (FOLDER / f"{WORLD}.txt").write_text(said(), encoding="utf-8")
