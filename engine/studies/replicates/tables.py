"""The results of replicates as Markdown: the table, a sentence per claim, the arms by scale."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.evaluate.planning import CEILING
from engine.evaluate.report import share
from engine.studies.replicates.report import mean_over

COLUMNS = {
    "DSG": "dsg",
    "SELMA's rule": "selma",
    "exact": "exact",
    "unlearned sets": "unlearned",
    "diversity": "diversity",
    "floor": "floor",
}
"""Heading -> the value of a row that stands under it."""


def markdown(results: Mapping[str, Any]) -> str:
    """The table and a sentence per claim."""
    skills = results["learned"]
    head = ["arm", "guidance", *skills, *COLUMNS, "DSG against base"]
    rows = []
    for name, row in results["arms"].items():
        rows.append(_entries(name, row, skills))
    ceiling = results["ceiling"]
    if ceiling:
        entries = [CEILING, "", *_shares(ceiling, skills), share(mean_over(ceiling, skills))]
        empty = [""] * (len(head) - len(entries))
        rows.append(entries + empty)
    lines = [_table(head, rows)]
    for sentence, claim in results["claims"].items():
        lines.append(_claim_line(sentence, claim))
    return "\n".join([*lines, ""])


def by_scale(results: Mapping[str, Any]) -> str:
    """A table of the arms at every guidance scale, on validation; without those that are painted at
    one.
    """
    arms, scales = {}, set()
    for name, row in results["arms"].items():
        if len(row["validation"]) > 1:
            arms[name] = row["validation"]
            scales.update(row["validation"])
    in_order = sorted(scales, key=float)
    head = ["validation: arm"]
    for scale in in_order:
        head.append(f"DSG at {scale}")
    rows = []
    for name, of_scales in arms.items():
        at_scales = map(of_scales.get, in_order)
        rows.append([name, *map(_at_scale, at_scales)])
    return _table(head, rows)


def _entries(name: str, row: Mapping[str, Any], skills: Sequence[str]) -> list[str]:
    """A row of the table, column by column."""
    scales = ", ".join(f"{scale:g}" for scale in dict.fromkeys(row["guidance"]))
    values = [share(row[key]) for key in COLUMNS.values()]
    against_base = f"{_interval(row['against_base'])} {row['verdict']}".strip()
    return [name, scales, *_shares(row["by_skill"], skills), *values, against_base]


def _shares(by_skill: Mapping[str, float], skills: Sequence[str]) -> list[str]:
    return [share(by_skill.get(skill)) for skill in skills]


def _claim_line(sentence: str, claim: Mapping[str, Any]) -> str:
    rivals = ", ".join(dict.fromkeys(claim["rivals"]))
    difference = _interval(claim["difference"])
    return f"- {sentence}: **{claim['verdict']}**, {difference} (against {rivals})."


def _at_scale(entry: Mapping[str, Any] | None) -> str:
    """Nothing for an arm that was not painted at the scale."""
    if entry is None:
        return ""
    return f"{share(entry['dsg'])} {_interval(entry['against_base'])}".strip()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = ""
    for row in (head, ["---"] * len(head), *rows):
        text += f"| {' | '.join(row)} |\n"
    return text


def _interval(interval: Sequence[float] | None) -> str:
    """A difference with its interval; nothing where there is none."""
    if interval is None:
        return ""
    difference, low, high = interval
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"
