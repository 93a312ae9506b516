"""What an evaluation keeps warm: a base with experts beside it and a judge, each loaded when first
needed.
"""

from collections.abc import Sequence
from functools import cached_property

from PIL import Image

from engine.core.store import Store
from engine.evaluate import Config
from engine.evaluate.planning import Row
from engine.evaluate.score_recipes import mix_of
from engine.judges import Judge
from engine.models.diffusion import Painter
from engine.models.ensemble import Ensemble


class WarmModels:
    """Everything heavy of one evaluation."""

    def __init__(self, config: Config, store: Store, ensemble: Ensemble | None = None) -> None:
        self.config = config
        used: set[str] = set()
        for arm in config.models:
            used.update(mix_of(config, arm))
        self.ensemble = ensemble or Ensemble(config.base, store, used)
        config.judge_choice.check()

    def load_judge(self) -> Judge:
        return self._judge

    @cached_property
    def _judge(self) -> Judge:
        judge: Judge = self.config.judge_choice.open()
        return judge

    @property
    def painter(self) -> Painter:
        return self.ensemble.painter

    def paint(self, shard: Sequence[Row]) -> list[Image.Image]:
        """One batch; every row has its own mixture."""
        texts, seeds, guidance, mixes = [], [], [], []
        for row in shard:
            texts.append(row.prompt.text)
            seeds.append(row.seed)
            guidance.append(row.guidance)
            mixes.append(mix_of(self.config, row.arm))
        how = {"steps": self.config.steps, "sampler": self.config.sampler}
        return self.ensemble.paint(texts, seeds, guidance, mixes, **how)
