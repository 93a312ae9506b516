"""What an evaluation's own config compares: the guidance scale that suits each arm, and the table a
line ends with. No torch.
"""

from collections.abc import Mapping, Sequence

from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.types import Score
from engine.evaluate import Config, score_files, standings, summary
from engine.evaluate.planning import CEILING, model_name, scales_of
from engine.evaluate.standings import Standing
from engine.evaluate.summary import Summary


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


def table(rows: Sequence[Standing]) -> str:
    """The standings as text, in columns."""
    skills: dict[str, None] = {}
    for standing in rows:
        skills.update(dict.fromkeys(standing.summary.by_skill))
    cells = [_row(standing, list(skills)) for standing in rows]
    head = ["arm", "guidance", *skills, "DSG", "SELMA's", "exact", "flagged", "diversity", "floor"]
    return _in_columns([[*head, "DSG to base"], *cells])


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


def _row(standing: Standing, skills: Sequence[str]) -> list[str]:
    rates = standing.summary
    guidance = "" if standing.guidance is None else f"{standing.guidance:g}"
    by_skill = map(rates.by_skill.get, skills)
    overall = [rates.macro, rates.selma, rates.exact, rates.flagged]
    values = [*by_skill, *overall, standing.diversity, standing.floor]
    return [standing.arm, guidance, *map(share, values), _against(standing)]


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
