"""What an evaluation's own config compares: the guidance scale that suits each arm, and the table a
line ends with. No torch.
"""

from collections.abc import Mapping, Sequence

from engine import judges
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.types import Score
from engine.evaluate import Config, score_files, standings, summary
from engine.evaluate.planning import CEILING, model_name, scales_of
from engine.evaluate.standings import Standing
from engine.evaluate.summary import Summary

RATES = {judges.SELMA: "SELMA's", judges.EXACT: "exact", judges.FLAGGED: "flagged"}
"""Heads of the columns that a judge may declare."""


def best_guidance(config: Config, store: Store) -> dict[str, float]:
    """The scale that suits each arm, by `standings.best_scale`. To be asked on validation.

    Raises EngineError where the judge could read nothing, or where the scales of an arm share no
    picture.
    """
    best = {}
    for arm in config.models:
        judged = {}
        for scale, model in _models_of(config, arm).items():
            judged[scale] = scores(config, store, model)
        chosen = standings.best_scale(judged)
        if chosen is None:
            raise EngineError(
                f"No guidance scale can be chosen for {arm}: the judge could read no "
                f"prompt of {config.split} that was painted at all its scales. "
                "Choose prompts that the judge understands."
            )
        best[arm] = chosen
    return best


def lines(config: Config, store: Store) -> list[Standing]:
    """One for each arm and guidance scale, then the ceiling if it was measured."""
    base_arm = _base_arm(config.models)
    bases = list(_models_of(config, base_arm).values()) if base_arm else []
    rows = []
    for arm in config.models:
        for model in _models_of(config, arm).values():
            base = standings.base_of(model, bases, base_arm or "")
            rows.append(standing(config, store, model, base))
    if store.scores(CEILING, config.table).exists():
        rows.append(standing(config, store, CEILING))
    return rows


def standing(config: Config, store: Store, model: str, base: str | None = None) -> Standing:
    """How a model stands in the config's split before its judge, compared with `base`."""
    base_scores = None if base is None else scores(config, store, base)
    floor = scores(config, store, model, ".floor")
    return standings.standing_of(model, scores(config, store, model), floor, base_scores)


def summarise(config: Config, store: Store, model: str) -> Summary:
    return summary.summarise(scores(config, store, model))


def scores(config: Config, store: Store, model: str, suffix: str = "") -> list[Score]:
    """A model's scores in the config's split by its judge; none where it was not judged."""
    return score_files.read(store.scores(model, config.table + suffix))


def table(rows: Sequence[Standing], judge: str) -> str:
    """The standings as text, in columns: beside the mean, what the judge declares.

    Where the judge could not read some text, a column says how many pictures are scored.
    """
    skills: dict[str, None] = {}
    for standing in rows:
        skills.update(dict.fromkeys(standing.summary.by_skill))
    metrics = judges.declaration(judge).metrics
    declared = [metric for metric in RATES if metric in metrics]
    mean = "DSG" if judges.DSG in metrics else "mean"
    tells_scored = any(standing.summary.unscored for standing in rows)
    head = ["arm", "guidance", *skills, mean, *map(RATES.__getitem__, declared)]
    head += ["diversity", "floor"]
    if tells_scored:
        head.append("scored")
    cells = []
    for standing in rows:
        row = _row(standing, list(skills), declared)
        if tells_scored:
            row.append(_scored(standing.summary))
        cells.append([*row, _against(standing)])
    return _in_columns([[*head, f"{mean} to base"], *cells])


def share(value: float | None) -> str:
    """A number of a table; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def _in_columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [0] * len(rows[0])
    for row in rows:
        widths = list(map(max, widths, map(len, row)))
    lines = []
    for row in rows:
        cells = map(str.ljust, row, widths)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _row(standing: Standing, skills: Sequence[str], metrics: Sequence[str]) -> list[str]:
    """All but the comparison with the base."""
    summary = standing.summary
    guidance = "" if standing.guidance is None else f"{standing.guidance:g}"
    rates = {
        judges.SELMA: summary.selma,
        judges.EXACT: summary.exact,
        judges.FLAGGED: summary.flagged,
    }
    by_skill = map(summary.by_skill.get, skills)
    declared = map(rates.__getitem__, metrics)
    values = [*by_skill, summary.macro, *declared, standing.diversity, standing.floor]
    return [standing.arm, guidance, *map(share, values)]


def _scored(summary: Summary) -> str:
    return f"{summary.pictures - summary.unscored} of {summary.pictures}"


def _base_arm(models: Mapping[str, Mapping[str, float]]) -> str | None:
    """The first arm without experts."""
    for arm, mix in models.items():
        if not any(mix.values()):
            return arm
    return None


def _models_of(config: Config, arm: str) -> dict[float, str]:
    """An arm's folders, by guidance scale."""
    return {scale: model_name(arm, scale) for scale in scales_of(config, arm)}


def _against(standing: Standing) -> str:
    if standing.against_base is None:
        return ""
    difference, low, high = standing.against_base
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}] {standing.verdict}"
