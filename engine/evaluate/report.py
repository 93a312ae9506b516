"""What the scores of a run say: the guidance scale that suits each arm, and the table a line ends
with. No torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.types import Score
from engine.evaluate import Config, diversity, intervals, summary
from engine.evaluate import scores as score_files
from engine.evaluate.intervals import Interval
from engine.evaluate.planning import CEILING, model_name, scales_of
from engine.evaluate.summary import Summary


@dataclass(frozen=True)
class Line:
    """One arm at one guidance scale."""

    arm: str
    guidance: float | None
    """None for the ceiling, which nobody painted."""
    summary: Summary
    diversity: float | None
    """Mean over skills; None with a single picture a prompt."""
    floor: float | None
    """Mean over skills of the same pictures before wrong prompts."""
    against_base: Interval | None
    """Of the macro mean; None for the base itself and where too few prompts are shared."""
    verdict: str


def best_guidance(config: Config, store: Store) -> dict[str, float]:
    """The scale that suits each arm, by `best_scale`. To be asked on validation.

    Raises EngineError where the judge could read nothing, or where the scales of an arm share no
    picture.
    """
    best = {}
    for arm in config.models:
        judged = {
            scale: scores(config, store, model_name(arm, scale)) for scale in scales_of(config, arm)
        }
        scale = best_scale(judged)
        if scale is None:
            raise EngineError(
                f"No guidance scale can be chosen for {arm}: the judge could read no "
                f"prompt of {config.split} that was painted at all its scales. "
                "Choose prompts that the judge understands."
            )
        best[arm] = scale
    return best


def best_scale(judged: Mapping[float, Sequence[Score]]) -> float | None:
    """The scale of the highest macro mean, the lowest of equals; None where no mean can be taken.

    `judged` are one arm's scores at each guidance scale. Scales are compared on the pictures that
    all of them were judged on: one that saw easy prompts alone must not win by that.
    """
    if not judged:
        return None
    shared = set.intersection(*({_picture(score) for score in found} for found in judged.values()))
    means = {
        scale: summary.macro(summary.per_prompt(s for s in found if _picture(s) in shared))
        for scale, found in judged.items()
    }
    scored = {scale: mean for scale, mean in means.items() if mean is not None}
    return max(sorted(scored), key=lambda scale: scored[scale], default=None)


def _picture(score: Score) -> tuple[str, int]:
    return score.prompt_id, score.seed


def lines(config: Config, store: Store) -> list[Line]:
    """One for each arm and guidance scale, then the ceiling if it was measured."""
    base = next((arm for arm, mix in config.models.items() if not any(mix.values())), None)
    found = [
        _line(config, store, arm, scale, base)
        for arm in config.models
        for scale in scales_of(config, arm)
    ]
    if store.scores(CEILING, _name(config)).exists():
        found.append(Line(CEILING, None, summarised(config, store, CEILING), None, None, None, ""))
    return found


def summarised(config: Config, store: Store, model: str) -> Summary:
    return summary.summarise(scores(config, store, model))


def scores(config: Config, store: Store, model: str, suffix: str = "") -> list[Score]:
    """A model's scores in the config's split by its judge; none where it was not judged."""
    return score_files.read(store.scores(model, _name(config) + suffix))


def table(found: Sequence[Line]) -> str:
    """The lines as text, in columns."""
    skills = list(dict.fromkeys(skill for line in found for skill in line.summary.by_skill))
    head = [
        "arm",
        "guidance",
        *skills,
        "DSG",
        "SELMA's",
        "exact",
        "flagged",
        "diversity",
        "floor",
        "DSG to base",
    ]
    rows = [
        [
            line.arm,
            "" if line.guidance is None else f"{line.guidance:g}",
            *(share(line.summary.by_skill.get(skill)) for skill in skills),
            share(line.summary.macro),
            share(line.summary.selma),
            share(line.summary.exact),
            share(line.summary.flagged),
            share(line.diversity),
            share(line.floor),
            _against(line),
        ]
        for line in found
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    )


def _line(config: Config, store: Store, arm: str, scale: float, base: str | None) -> Line:
    ours = scores(config, store, model_name(arm, scale))
    floor = scores(config, store, model_name(arm, scale), ".floor")
    spread = diversity.spread(ours).values()
    difference = None
    if base is not None and arm != base:
        rival = scores(config, store, model_name(base, _rival_scale(config, base, scale)))
        difference = intervals.paired(summary.per_prompt(ours), summary.per_prompt(rival))
    return Line(
        arm,
        scale,
        summary.summarise(ours),
        fmean(spread) if spread else None,
        summary.macro(summary.per_prompt(floor)),
        difference,
        intervals.verdict(*difference) if difference else "",
    )


def _rival_scale(config: Config, base: str, scale: float) -> float:
    """The base is met at the same scale where it was painted there, else at its own."""
    scales = scales_of(config, base)
    return scale if scale in scales else scales[0]


def _name(config: Config) -> str:
    return f"{config.split}/{config.judge}"


def share(value: float | None) -> str:
    """A number of a table; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def _against(line: Line) -> str:
    if line.against_base is None:
        return ""
    difference, low, high = line.against_base
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}] {line.verdict}"
