"""What the finished replicates say: a row an arm, a verdict a claim. No torch.

Skills that experts learned are the headline; the sets that nobody learned stand beside them. Differences are paired on
prompts and carry the interval over replicates and prompts of `evaluate.intervals`.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from engine.core.recipe import versions
from engine.core.store import Store
from engine.core.types import Score
from engine.evaluate import diversity, intervals, report, summary
from engine.evaluate.intervals import Interval, PerPrompt
from engine.evaluate.planning import CEILING, model_name
from engine.evaluate.report import share
from engine.results import Config
from engine.results.lines import Planned

BASE = "base"


@dataclass(frozen=True)
class Arm:
    """One arm in one replicate, at the guidance scale that validation chose."""

    one: Planned
    name: str
    guidance: float
    validation: float
    """Macro mean on validation at that scale."""
    scores: list[Score]
    floor: list[Score]
    diversity: float | None

    def per_prompt(self, learned: bool = True) -> PerPrompt:
        """Of the skills that experts learned, or of the sets that nobody did."""
        skills = self.one.recipe.tables["skills"]
        return {skill: values for skill, values in summary.per_prompt(self.scores).items()
                if (skill in skills) == learned}


def results(config: Config, finished: Sequence[Planned]) -> dict[str, Any]:
    """Everything that the table and the sentences say, as JSON."""
    replicates = max(one.replicate for one in finished) + 1
    arms = _arms(finished, replicates)
    base = arms[BASE]
    return {
        "replicates": replicates, "prompts": _prompts_a_skill(base[0]), "margin": intervals.MARGIN,
        "split": base[0].one.reported.split, "versions": versions(),
        "learned": list(base[0].one.recipe.tables["skills"]), "ceiling": _ceiling(base[0].one),
        "arms": {name: _row(of, base) for name, of in arms.items()},
        "claims": {told: _claim(arms, ours, rivals) for told, (ours, rivals) in config.claims.items()},
    }


def _arms(finished: Sequence[Planned], replicates: int) -> dict[str, list[Arm]]:
    """Arm -> its replicates; one that is run once stands for all of them."""
    found: dict[str, list[Arm]] = {}
    for one in finished:
        for arm in _of_line(one):
            found.setdefault(arm.name, []).append(arm)
    return {name: of * replicates if len(of) == 1 else of for name, of in found.items()}


def _of_line(one: Planned) -> list[Arm]:
    validation, reported, store = one.recipe.validation, one.reported, Store(one.folder)
    assert validation
    scales = report.best_guidance(validation, store) | reported.own_guidance
    found = []
    for name in reported.models:
        model = model_name(name, scales[name])
        chosen_on = report.scores(validation, store, model)
        spread = diversity.spread(chosen_on).values()
        found.append(Arm(
            one, name, scales[name], summary.macro(summary.per_prompt(chosen_on)) or 0.0,
            report.scores(reported, store, model), report.scores(reported, store, model, ".floor"),
            fmean(spread) if spread else None))
    return found


def _row(of: list[Arm], base: list[Arm]) -> dict[str, Any]:
    pooled = summary.summarise([score for arm in of for score in arm.scores])
    learned = _means(of, Arm.per_prompt)
    spreads = [arm.diversity for arm in of if arm.diversity is not None]
    floors = [mean for arm in of if (mean := summary.macro(summary.per_prompt(arm.floor))) is not None]
    against = None if of[0].name == BASE else _difference(of, base)
    return {
        "guidance": [arm.guidance for arm in of],
        "pictures": sum(len(arm.scores) for arm in {arm.one.folder: arm for arm in of}.values()),
        "by_skill": pooled.by_skill, "exact_by_skill": pooled.exact_by_skill, "dsg": fmean(learned),
        "by_replicate": learned, "unlearned": fmean(_means(of, lambda arm: arm.per_prompt(learned=False))),
        "exact": fmean(pooled.exact_by_skill[skill] for skill in of[0].one.recipe.tables["skills"]),
        "flagged": pooled.flagged, "diversity": fmean(spreads) if spreads else None,
        "floor": fmean(floors) if floors else None, "against_base": against,
        "verdict": intervals.verdict(*against) if against else ""}


def _prompts_a_skill(arm: Arm) -> int:
    return min(map(len, arm.per_prompt().values()), default=0)


def _means(of: Sequence[Arm], values: Callable[[Arm], PerPrompt]) -> list[float]:
    """A macro mean a replicate; of no prompts 0."""
    return [summary.macro(values(arm)) or 0.0 for arm in of]


def _claim(arms: dict[str, list[Arm]], ours: str, rivals: list[str]) -> dict[str, Any]:
    """Ours against the rival that is best on validation, replicate by replicate."""
    chosen = [max((arms[name][r] for name in rivals), key=lambda arm: arm.validation) for r in range(len(arms[ours]))]
    difference = _difference(arms[ours], chosen)
    return {"ours": ours, "rivals": [arm.name for arm in chosen], "difference": difference,
            "verdict": intervals.verdict(*difference) if difference else "undecided"}


def _difference(ours: Sequence[Arm], theirs: Sequence[Arm]) -> Interval | None:
    return intervals.hierarchical([arm.per_prompt() for arm in ours], [arm.per_prompt() for arm in theirs])


def _ceiling(one: Planned) -> dict[str, float]:
    return report.summarised(one.reported, Store(one.folder), CEILING).by_skill


def markdown(found: dict[str, Any]) -> str:
    """The table and a sentence a claim."""
    skills = found["learned"]
    head = ["arm", "guidance", *skills, "DSG", "exact", "unlearned sets", "diversity", "floor", "DSG against base"]
    rows = [[name, ", ".join(f"{g:g}" for g in dict.fromkeys(row["guidance"])),
             *(share(row["by_skill"].get(skill)) for skill in skills), share(row["dsg"]), share(row["exact"]),
             share(row["unlearned"]), share(row["diversity"]), share(row["floor"]),
             f"{_told(row['against_base'])} {row['verdict']}".strip()] for name, row in found["arms"].items()]
    if ceiling := found["ceiling"]:
        known = [share(ceiling.get(skill)) for skill in skills]
        rows.append([CEILING, "", *known, share(fmean(ceiling[s] for s in skills)), *[""] * 5])
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    claims = [f"- {told}: **{claim['verdict']}**, {_told(claim['difference'])} (against "
              f"{', '.join(dict.fromkeys(claim['rivals']))})." for told, claim in found["claims"].items()]
    return "\n".join([*lines, "", *claims, ""])


def _told(interval: Sequence[float] | None) -> str:
    if interval is None:
        return ""
    difference, low, high = interval
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"
