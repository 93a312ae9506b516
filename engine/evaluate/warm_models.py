"""What an evaluation keeps warm: a base with experts beside it and a judge, each loaded when first
needed.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from PIL import Image

from engine.core import options, provenance
from engine.core.store import Store
from engine.core.types import Prompt, Score
from engine.evaluate import Config, diversity, planning
from engine.evaluate.planning import PROMPTS_OF, Row
from engine.judges import Judge
from engine.models.diffusion import Painter
from engine.models.ensemble import Ensemble
from engine.option_groups import Sampling

PAINTED = provenance.names(Sampling)
"""What decides a painted picture and not a drawn one."""


class Judged(NamedTuple):
    """One picture with what the judge says of it."""

    row: Row
    image: Image.Image
    score: Score
    floor: Score | None


class Bench:
    """Everything heavy of one evaluation."""

    def __init__(self, config: Config, store: Store, ensemble: Ensemble | None = None) -> None:
        self.config = config
        used = {name for arm in config.models for name in self._mix(arm)}
        self.ensemble = ensemble or Ensemble(config.model, config.revision, store, used)
        config.judge_choice.check()

    @cached_property
    def judge(self) -> Judge:
        judge: Judge = self.config.judge_choice.open()
        return judge

    @property
    def painter(self) -> Painter:
        return self.ensemble.painter

    def paint(self, shard: Sequence[Row]) -> list[Image.Image]:
        """One batch; every row has its own mixture."""
        return self.ensemble.paint(
            [row.prompt.text for row in shard],
            [row.seed for row in shard],
            [row.guidance for row in shard],
            [self._mix(row.arm) for row in shard],
            steps=self.config.steps,
            sampler=self.config.sampler,
        )

    def judged(self, row: Row, image: Image.Image) -> Judged:
        score = self.score(row.prompt, image, row.seed, row.number)
        return Judged(row, image, score, self._floor(row, image))

    def _floor(self, row: Row, image: Image.Image) -> Score | None:
        """The score by another prompt; why it is low interests nobody, so the judge's own evidence
        is not kept.
        """
        if row.other is None:
            return None
        score = self.score(row.other, image, row.seed, row.number)
        kept = ("skill", "text", "number", "pooled")
        return replace(
            score, evidence={name: value for name, value in score.evidence.items() if name in kept}
        )

    def score(self, prompt: Prompt, image: Image.Image, seed: int, number: int = 0) -> Score:
        """The judge's score, its evidence completed by what the summaries need."""
        score = self.judge(prompt, image, seed)
        about = {"skill": prompt.skill, "text": prompt.text, "number": number}
        return replace(
            score, evidence={**score.evidence, **about, "pooled": diversity.pooled(image)}
        )

    def recipes(self, rows: Sequence[Row]) -> dict[str, provenance.Identity]:
        """By model: everything that decides its scores."""
        painted = options.values(self.config, Sampling)
        return {
            model: self.recipe.plus({**painted, "guidance": row.guidance, **self._parents(row.arm)})
            for model, row in {row.model: row for row in rows}.items()
        }

    @cached_property
    def recipe(self) -> provenance.Identity:
        """What all models of this evaluation share, and the ceiling too."""
        config = self.config
        parents = {
            "model's sha256": self.ensemble.fingerprint,
            **{f"judge's {name}": value for name, value in config.judge_options.items()},
            **{
                f"{PROMPTS_OF}{skill}": planning.prompts_sha256({skill: prompts})
                for skill, prompts in planning.prompts_of(config).items()
            },
        }
        return provenance.identity(config, parents, without=PAINTED)

    def _parents(self, arm: str) -> dict[str, Any]:
        mix = self._mix(arm)
        return {f"weight of {name}": weight for name, weight in mix.items()} | {
            f"{name}'s sha256": self.ensemble.hashes[name] for name in mix
        }

    def _mix(self, arm: str) -> dict[str, float]:
        return {name: weight for name, weight in self.config.models[arm].items() if weight}
