"""What an evaluation keeps warm: painter, mixture of experts and judge, each loaded when first needed."""
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from engine import judges
from engine.core import plugins
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.types import Prompt, Score
from engine.evaluate import Config, diversity, planning
from engine.evaluate.planning import Row
from engine.judges import Judge
from engine.models import checkpoints, diffusion, lora_files
from engine.models.diffusion import Painter
from engine.models.mixture import Mixture


class Judged(NamedTuple):
    """One picture with what the judge says of it."""

    row: Row
    image: Image.Image
    score: Score
    floor: Score | None


class Bench:
    """Everything heavy of one evaluation."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config, self.store = config, store
        used = {name for arm in config.models for name in self._mix(arm)}
        self.experts = {name: self._folder(name) for name in sorted(used)}
        judge = plugins.load(judges, config.judge)
        self._judge_options = build(judge.Config, config.judge_options, where=config.judge)

    @cached_property
    def judge(self) -> Judge:
        return plugins.load(judges, self.config.judge).judge(self._judge_options)

    @cached_property
    def painter(self) -> Painter:
        return diffusion.load(self.config.model, self.config.revision)

    @cached_property
    def mixture(self) -> Mixture | None:
        """All experts of all arms; None when every arm is the base."""
        if not self.experts:
            return None
        if not self.painter.is_unet:
            raise EngineError(f"{self.config.model} can be judged but takes no experts. Leave the base alone "
                              "among the models, or choose Stable Diffusion 1, 2 or XL, or Storybook.")
        files = {name: lora_files.read(folder) for name, folder in self.experts.items()}
        for name, file in files.items():
            base = file.recipe.get("base") or {}
            if base.get("sha256", self._fingerprint) != self._fingerprint:
                raise EngineError(f"{name} was trained on {base.get('model')}, whose weights differ from those of "
                                  f"{self.config.model}. Evaluate it on the base that it was trained on.")
        return Mixture(self.painter.pipe.unet, {name: file.expert for name, file in files.items()})

    def paint(self, shard: Sequence[Row]) -> list[Image.Image]:
        """One batch; every row has its own mixture."""
        mix = self.mixture.rows([self._mix(row.arm) for row in shard]) if self.mixture else None
        painted = self.painter.paint(
            [row.prompt.text for row in shard], [row.seed for row in shard], [row.guidance for row in shard],
            self.config.steps, self.config.sampler, len(shard), self.mixture, mix)
        return [picture.image for picture in painted]

    def judged(self, row: Row, image: Image.Image) -> Judged:
        floor = self.score(row.other, image, row.seed, row.number) if row.other else None
        return Judged(row, image, self.score(row.prompt, image, row.seed, row.number), floor)

    def score(self, prompt: Prompt, image: Image.Image, seed: int, number: int = 0) -> Score:
        """The judge's score, its evidence completed by what the summaries need."""
        score = self.judge(prompt, image, seed)
        about = {"skill": prompt.skill, "text": prompt.text, "number": number}
        return replace(score, evidence={**score.evidence, **about, "pooled": diversity.pooled(image)})

    def recipes(self, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
        """By model: everything that decides its scores."""
        painted = {"steps": self.config.steps, "sampler": self.config.sampler}
        return {model: {**self.recipe, **painted, "guidance": row.guidance, **self._parents(row.arm)}
                for model, row in {row.model: row for row in rows}.items()}

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """What all models of this evaluation share, and the ceiling too."""
        config = self.config
        return {
            "model": config.model, "revision": config.revision, "model's sha256": self._fingerprint,
            "judge": config.judge, **{f"judge's {name}": v for name, v in config.judge_options.items()},
            "split": config.split, "seed": config.seed,
            "prompts' sha256": planning.prompts_sha256(planning.prompts_of(config))}

    @cached_property
    def _fingerprint(self) -> str:
        return checkpoints.fingerprint(checkpoints.pipeline_folder(self.config.model, self.config.revision))

    def _parents(self, arm: str) -> dict[str, Any]:
        mix = self._mix(arm)
        return {f"weight of {name}": weight for name, weight in mix.items()} | {
            f"{name}'s sha256": lora_files.sha256(self.experts[name] / lora_files.FILE_NAME) for name in mix}

    def _mix(self, arm: str) -> dict[str, float]:
        return {name: weight for name, weight in self.config.models[arm].items() if weight}

    def _folder(self, name: str) -> Path:
        """Where an expert or a merge lies. Raises EngineError when neither or both are there."""
        found = [folder for folder in (self.store.expert(name), self.store.merge(name))
                 if (folder / lora_files.FILE_NAME).is_file()]
        if len(found) > 1:
            raise EngineError(f"{name!r} is both an expert and a merge. Give the merge another name.")
        if not found:
            known = sorted({file.parent.name for part in ("experts", "merges")
                            for file in (self.store.folder / part).glob(f"*/{lora_files.FILE_NAME}")})
            raise EngineError(f"There is no expert or merge called {name!r}. "
                              f"{'Choose from ' + ', '.join(known) if known else 'Train one first'}.")
        return found[0]
