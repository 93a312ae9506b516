"""What the finished replicates say: a row an arm, a verdict a claim. No torch.

Skills that experts learned are the headline; the sets that nobody learned stand beside them.
Differences are paired on prompts and carry the interval over replicates and prompts of
`evaluate.intervals`.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from engine.evaluate import intervals, summary
from engine.evaluate.intervals import Interval
from engine.evaluate.planning import CEILING
from engine.evaluate.report import share
from engine.studies.replicates import Config
from engine.studies.replicates.measurements import Arm, Measured

BASE = "base"
Lines = Sequence[Sequence[Measured]]
"""Each replicate's lines."""


def results(config: Config, replicates: Lines) -> dict[str, Any]:
    """Everything that the table and the sentences say, as JSON."""
    lines = [line for of_replicate in replicates for line in of_replicate]
    first = next(line for line in lines if any(arm.name == BASE for arm in line.arms))
    arms = _arms(replicates)
    return {
        "replicates": len(replicates),
        "margin": intervals.MARGIN,
        "split": first.split,
        "prompts": min(map(len, arms[BASE][0].of(first.skills).values()), default=0),
        "versions": first.versions,
        "learned": first.skills,
        "ceiling": first.ceiling,
        "arms": {name: _row(of, arms[BASE], first.skills) for name, of in arms.items()},
        "claims": {
            claim: _claim(arms, ours, rivals, first.skills)
            for claim, (ours, rivals) in config.claims.items()
        },
    }


def _arms(replicates: Lines) -> dict[str, list[Arm]]:
    """Arm -> its replicates; one that is run once stands for all of them."""
    found: dict[str, list[Arm]] = {}
    for lines in replicates:
        for arm in (arm for line in lines for arm in line.arms):
            found.setdefault(arm.name, []).append(arm)
    return {name: of * len(replicates) if len(of) == 1 else of for name, of in found.items()}


def _row(of: list[Arm], base: list[Arm], skills: Sequence[str]) -> dict[str, Any]:
    learned = [summary.macro(arm.of(skills)) or 0.0 for arm in of]
    exact = _mean_by_skill([arm.exact for arm in of])
    against = None if of[0].name == BASE else _difference(of, base, skills)
    return {
        "guidance": [arm.guidance for arm in of],
        "pictures": sum(arm.pictures for arm in {id(arm): arm for arm in of}.values()),
        "by_skill": _mean_by_skill(
            [
                {skill: summary.average(values.values()) for skill, values in arm.scores.items()}
                for arm in of
            ]
        ),
        "exact_by_skill": exact,
        "dsg": fmean(learned),
        "selma": _known_mean([arm.selma for arm in of]),
        "by_replicate": learned,
        "unlearned": _known_mean([summary.macro(arm.of(skills, learned=False)) for arm in of]),
        "exact": fmean(exact[skill] for skill in skills),
        "flagged": _known_mean([arm.flagged for arm in of]),
        "diversity": _known_mean([arm.diversity for arm in of]),
        "floor": _known_mean([arm.floor for arm in of]),
        "validation": {scale: _at(scale, of, base, skills) for scale in of[0].validated},
        "against_base": against,
        "verdict": intervals.verdict(*against) if against else "",
    }


def _at(scale: str, of: list[Arm], base: list[Arm], skills: Sequence[str]) -> dict[str, Any]:
    """On validation at one scale: the mean, and the difference to the base at the same."""
    ours, against = [arm.validated_at(scale, skills) for arm in of], None
    if of[0].name != BASE and all(scale in arm.validated for arm in base):
        against = intervals.hierarchical(ours, [arm.validated_at(scale, skills) for arm in base])
    return {"dsg": fmean(summary.macro(one) or 0.0 for one in ours), "against_base": against}


def _known_mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _mean_by_skill(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {skill: fmean(of[skill] for of in values) for skill in values[0]}


def _claim(
    arms: dict[str, list[Arm]], ours: str, rivals: list[str], skills: Sequence[str]
) -> dict[str, Any]:
    """Ours against the rival that is best on validation, replicate by replicate."""
    chosen = [
        max((arms[name][r] for name in rivals), key=lambda arm: arm.validation)
        for r in range(len(arms[ours]))
    ]
    difference = _difference(arms[ours], chosen, skills)
    return {
        "ours": ours,
        "rivals": [arm.name for arm in chosen],
        "difference": difference,
        "verdict": intervals.verdict(*difference) if difference else "undecided",
    }


def _difference(
    ours: Sequence[Arm], theirs: Sequence[Arm], skills: Sequence[str]
) -> Interval | None:
    return intervals.hierarchical(
        [arm.of(skills) for arm in ours], [arm.of(skills) for arm in theirs]
    )


def markdown(found: dict[str, Any]) -> str:
    """The table and a sentence a claim."""
    skills = found["learned"]
    head = [
        "arm",
        "guidance",
        *skills,
        "DSG",
        "SELMA's rule",
        "exact",
        "unlearned sets",
        "diversity",
        "floor",
        "DSG against base",
    ]
    rows = [
        [
            name,
            ", ".join(f"{g:g}" for g in dict.fromkeys(row["guidance"])),
            *(share(row["by_skill"].get(skill)) for skill in skills),
            share(row["dsg"]),
            share(row["selma"]),
            share(row["exact"]),
            share(row["unlearned"]),
            share(row["diversity"]),
            share(row["floor"]),
            f"{_told(row['against_base'])} {row['verdict']}".strip(),
        ]
        for name, row in found["arms"].items()
    ]
    if ceiling := found["ceiling"]:
        known = [share(ceiling.get(skill)) for skill in skills]
        rows.append([CEILING, "", *known, share(fmean(ceiling[s] for s in skills)), *[""] * 6])
    claims = [
        f"- {sentence}: **{claim['verdict']}**, {_told(claim['difference'])} (against "
        f"{', '.join(dict.fromkeys(claim['rivals']))})."
        for sentence, claim in found["claims"].items()
    ]
    return "\n".join([_table(head, rows), *claims, ""])


def by_scale(found: dict[str, Any]) -> str:
    """A table of the arms at every guidance scale, on validation; without those that are painted at
    one.
    """
    arms = {
        name: row["validation"] for name, row in found["arms"].items() if len(row["validation"]) > 1
    }
    scales = sorted({scale for at in arms.values() for scale in at}, key=float)
    head = ["validation: arm", *(f"DSG at {scale}" for scale in scales)]
    rows = [
        [
            name,
            *(
                f"{share(at[scale]['dsg'])} {_told(at[scale]['against_base'])}".strip()
                if scale in at
                else ""
                for scale in scales
            ),
        ]
        for name, at in arms.items()
    ]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join("| " + " | ".join(row) + " |\n" for row in (head, ["---"] * len(head), *rows))


def _told(interval: Sequence[float] | None) -> str:
    """A difference with its interval; nothing where there is none."""
    if interval is None:
        return ""
    difference, low, high = interval
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"
