"""How far a training has come, in numbers and in words."""

from collections.abc import Collection, Sequence

from engine.experts import Config
from engine.experts.learner import Learner


def steps(config: Config, waiting: Collection[str], learners: Sequence[Learner]) -> tuple[int, int]:
    """Steps done and steps in all, over all experts; who is not `waiting` is finished."""
    steps_of, done_of = {}, {}
    for name in config.experts:
        steps_of[name] = config.training(name).steps
        done_of[name] = 0 if name in waiting else steps_of[name]
    for learner in learners:
        if not learner.finished:
            done_of[learner.name] = learner.step
        else:
            done_of[learner.name] = steps_of[learner.name]
    return sum(done_of.values()), sum(steps_of.values())


def steps_text(learners: Sequence[Learner]) -> str:
    """`Step 3 of 9`, or each group of experts with its own."""
    names_at: dict[tuple[int, int], list[str]] = {}
    for learner in learners:
        names_at.setdefault((learner.step, learner.training.steps), []).append(learner.name)
    if len(names_at) == 1:
        ((step, total),) = names_at
        return f"Step {step} of {total}"
    texts = []
    for (step, total), names in sorted(names_at.items()):
        texts.append(f"{', '.join(names)} step {step} of {total}")
    return ", ".join(texts)
