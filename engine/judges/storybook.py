"""Exact questions about Storybook pictures, answered from the pixels.
[DSG](https://arxiv.org/abs/2310.18235)

Scores with DSG's reference rule: the mean over all questions, a question counting as no when a
parent's own answer is no. Text outside Storybook English is unscored; a picture that cannot be read
is a miss.
"""

from dataclasses import dataclass

from PIL import Image

from engine.core.types import Prompt, Score
from engine.judges import Judge
from engine.storybook.language import Unreadable, fault
from engine.storybook.verdicts import to_pixels, verdict

SCALE = (0.0, 1.0)


@dataclass(frozen=True)
class Config:
    """Nothing to choose: the judge is exact."""


def why_unreadable(prompt: Prompt) -> str | None:
    """What it cannot read in a text; None where it reads all of it."""
    return fault(prompt.text)


def judge(config: Config) -> Judge:
    def score(prompt: Prompt, picture: Image.Image, seed: int) -> Score:
        try:
            found = verdict(prompt.text, to_pixels(picture))
        except Unreadable as error:
            return Score(
                prompt.id,
                seed,
                "storybook",
                None,
                {"unscored": error.reason, "nearest": error.nearest},
            )
        asked = [
            {
                "id": q.id,
                "category": q.category,
                "text": q.text,
                "parents": list(q.parents),
                "yes": yes,
            }
            for q, yes in found.asked
        ]
        return Score(
            prompt.id,
            seed,
            "storybook",
            found.dsg,
            {"questions": asked, "exact": found.exact, "seen": found.seen.as_dict()},
        )

    return score
