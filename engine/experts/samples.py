"""Sample pictures while experts learn: the same captions and seeds at every step, all experts in
one batch.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from engine.core.hashing import derived_seed
from engine.core.store import atomic, write_json
from engine.experts import Config
from engine.experts.training import Learner
from engine.models.diffusion import Painter, PaintingOptions
from engine.models.mixture import Mixture


def paint(
    config: Config,
    painter: Painter,
    mixture: Mixture,
    learners: Sequence[Learner],
    folder: Callable[[str], Path],
) -> dict[str, list[str]]:
    """Write experts/<name>/samples/step-<step>-<i>.png; returns the files by expert."""
    wanted = [
        (learner, i, text)
        for learner in learners
        for i, text in enumerate(captions(config, learner))
    ]
    if not wanted:
        return {}
    seeds = [derived_seed(config.seed, "sample", i) for _, i, _ in wanted]
    rows = mixture.rows([{learner.name: 1.0} for learner, _, _ in wanted])
    with ExitStack() as stack:
        for learner in learners:
            stack.enter_context(learner.averaged())
        painted = painter.paint(
            [text for _, _, text in wanted],
            seeds,
            config.sample_guidance,
            PaintingOptions(steps=config.sample_steps, mixture=mixture, mix=rows),
        )
    mixture.free()
    files: dict[str, list[str]] = {learner.name: [] for learner in learners}
    for (learner, i, _), seed_picture in zip(wanted, painted, strict=True):
        file = folder(learner.name) / "samples" / f"step-{learner.step:06}-{i}.png"
        with atomic(file) as temporary:
            seed_picture.image.save(temporary)
        files[learner.name].append(str(file))
    for learner in learners:
        write_json(
            folder(learner.name) / "samples" / "samples.json",
            {
                "captions": captions(config, learner),
                "guidance": config.sample_guidance,
                "steps": config.sample_steps,
                "seeds": [derived_seed(config.seed, "sample", i) for i in range(config.samples)],
            },
        )
    return files


def captions(config: Config, learner: Learner) -> list[str]:
    """What the samples show: the prompts asked for, or captions that the expert does not learn
    from.
    """
    rows = learner.stream.rows
    own = [learner.stream.pool.texts[row] for row in rows.held_out or rows.learned]
    return (list(config.sample_prompts) or own)[: config.samples]
