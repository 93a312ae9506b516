"""Sample pictures while experts learn: the same captions and seeds at every step, all experts in
one batch.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.core.hashing import derived_seed
from engine.core.store import atomic, write_json
from engine.experts import Config
from engine.experts.learner import Learner
from engine.models.diffusion import PaintedPicture, Painter, PaintingOptions
from engine.models.mixture import Mixture


@dataclass(frozen=True)
class Sample:
    """One picture to paint: caption number `number` by one expert."""

    learner: Learner
    number: int
    caption: str


def paint(
    config: Config,
    painter: Painter,
    mixture: Mixture,
    learners: Sequence[Learner],
    folder: Callable[[str], Path],
) -> dict[str, list[str]]:
    """Write experts/<name>/samples/step-<step>-<i>.png; returns the files by expert."""
    samples = _planned(config, learners)
    if not samples:
        return {}
    with ExitStack() as stack:
        for learner in learners:
            stack.enter_context(learner.averaged())
        pictures = _painted(config, painter, mixture, samples)
    mixture.free()
    files: dict[str, list[str]] = {}
    for sample, picture in zip(samples, pictures, strict=True):
        name, step = sample.learner.name, sample.learner.step
        file = folder(name) / "samples" / f"step-{step:06}-{sample.number}.png"
        with atomic(file) as temporary:
            picture.image.save(temporary)
        files.setdefault(name, []).append(str(file))
    for learner in learners:
        write_json(folder(learner.name) / "samples" / "samples.json", _record(config, learner))
    return files


def _painted(
    config: Config, painter: Painter, mixture: Mixture, samples: Sequence[Sample]
) -> list[PaintedPicture]:
    texts, seeds, mixes = [], [], []
    for sample in samples:
        texts.append(sample.caption)
        seeds.append(_seed(config, sample.number))
        mixes.append({sample.learner.name: 1.0})
    options = PaintingOptions(config.sample_steps, mixture=mixture, mix=mixture.rows(mixes))
    return painter.paint(texts, seeds, config.sample_guidance, options)


def captions(config: Config, learner: Learner) -> list[str]:
    """What the samples show: the prompts of the options, or captions that the expert does not
    learn from.
    """
    texts = list(config.sample_prompts) or learner.stream.captions()
    return texts[: config.samples]


def _planned(config: Config, learners: Sequence[Learner]) -> list[Sample]:
    samples = []
    for learner in learners:
        for number, caption in enumerate(captions(config, learner)):
            samples.append(Sample(learner, number, caption))
    return samples


def _seed(config: Config, number: int) -> int:
    return derived_seed(config.seed, "sample", number)


def _record(config: Config, learner: Learner) -> dict[str, object]:
    """How the samples were painted, for whoever looks at them."""
    return {
        "captions": captions(config, learner),
        "guidance": config.sample_guidance,
        "steps": config.sample_steps,
        "seeds": [_seed(config, number) for number in range(config.samples)],
    }
