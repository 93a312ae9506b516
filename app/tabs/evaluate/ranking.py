"""One table of scores as the Evaluate tab shows it: a ranking, bars, and the pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from app import access
from app.show import charts, judgement, markup, pictures, thumbnails
from engine.core.store import Store
from engine.core.types import Score
from engine.evaluate.intervals import Interval
from engine.evaluate.planning import CEILING
from engine.evaluate.standings import Standing, lead, score_tables
from engine.evaluate.standings.units import NOT_MEASURED, Unit

MOST_PROMPTS = 12
"""So many prompts' pictures are kept and shown."""
NOTES = (
    "Score: mean over skills of the share of questions answered yes, where no question counts "
    "whose parent was answered no. SELMA's rule: the same down all levels, as a mean over all "
    "questions. Exact: pictures with everything right and nothing more. To base: the paired "
    "difference, at the same guidance scale if the base has it, with a bootstrap interval over "
    "prompts. Floor: the same pictures judged by wrong prompts. Ceiling: drawn scenes after the "
    "painter's own VAE."
)


class View(NamedTuple):
    """What is seen of a table."""

    ranking: str
    figure: Any = None
    pictures: str = ""


def empty_view(title: str, remedy: str) -> View:
    return View(markup.empty(title, remedy))


def view(store: Store, table: str, rows: Sequence[Standing], best: Sequence[Standing]) -> View:
    """`rows` are ranked; the figure and the pictures are of each arm at its `best`."""
    shown_pictures = pictures_view(store, best, table)
    if not any(standing.by_skill for standing in painted_standings(rows)):
        return View(unread_view(store, rows, table), pictures=shown_pictures)
    unit = score_tables.unit_of(table, rows)
    return View(ranking_view(rows, unit), figure(best, unit), shown_pictures)


def painted_standings(standings: Sequence[Standing]) -> list[Standing]:
    """All but the ceiling, which nobody painted."""
    return [standing for standing in standings if standing.arm != CEILING]


def unread_view(store: Store, rows: Sequence[Standing], table: str) -> str:
    """What stands where a judge could read none of the prompts."""
    judge, reason = table.partition("/")[2], ""
    for standing in painted_standings(rows):
        if reason := score_tables.unread(store, standing.model, table):
            break
    because = f": {reason}" if reason else ""
    return markup.empty(
        "No prompt could be scored",
        f"The judge {judge} could read none of them{because}. The pictures are below. For scores, "
        "evaluate on prompts that it understands, or choose another judge.",
    )


def ranking_view(rows: Sequence[Standing], unit: Unit) -> str:
    """A row per model; the best of those that paint stands out where the intervals decide it."""
    painters = painted_standings(rows)
    ahead = lead.find_lead([standing.prompts for standing in painters], unit)
    best, sentence = None, ""
    if ahead:
        names = [standing.model for standing in painters]
        sentence = markup.aside(ahead.sentence(names))
        if ahead.is_decided:
            best = rows.index(painters[ahead.first])
    skills = skills_of(rows)
    lines = [_row(standing, skills, unit) for standing in rows]
    table = markup.table(_header(skills, unit), lines, best)
    return table + sentence + markup.aside(NOTES)


def skills_of(rows: Sequence[Standing]) -> list[str]:
    """Every skill that anything was scored on, in the order in which they come up."""
    skills: dict[str, None] = {}
    for standing in rows:
        skills |= dict.fromkeys(standing.by_skill)
    return list(skills)


def figure(rows: Sequence[Standing], unit: Unit) -> Any:
    """Bars of every model that anything was scored of."""
    points = {}
    for standing in rows:
        if standing.by_skill:
            points[standing.model] = standing.by_skill
    return charts.bars(points, unit) if points else None


def pictures_view(store: Store, rows: Sequence[Standing], table: str) -> str:
    """The same prompt by every model, side by side, with what the judge gave it.

    Where strangers vote on these pictures, names beside them would tell who painted which.
    """
    if access.is_public():
        return markup.aside(
            "These pictures are voted on here, so they are not shown with names beside them."
        )
    unit = score_tables.unit_of(table, rows)
    models = [standing.model for standing in rows]
    galleries = []
    for prompt, judged in _spread(score_tables.pictures(store, models, table)):
        tiles = [_tile(model, file, score, unit) for model, file, score in judged]
        galleries.append(pictures.gallery(tiles, prompt))
    return markup.rows(galleries)


def _spread(by_prompt: dict[str, Any]) -> list[tuple[str, Any]]:
    """As many prompts as are shown, from all over."""
    prompts = list(by_prompt.items())
    every = max(1, len(prompts) // MOST_PROMPTS)
    return prompts[::every][:MOST_PROMPTS]


def _tile(model: str, file: Path, score: Score, unit: Unit) -> pictures.Tile:
    return pictures.Tile(
        thumbnails.thumbnail(file),
        model,
        judgement.score_text(score, unit),
        judgement.is_good(score, unit),
    )


def _header(skills: Sequence[str], unit: Unit) -> list[str]:
    score = ["model", unit.axis, "95 % interval", "to base", "95 % interval"]
    return [*score, "SELMA's rule", "exact", *skills, "diversity", "floor"]


def _row(standing: Standing, skills: Sequence[str], unit: Unit) -> list[str]:
    """The judge's scores in its unit; what is counted, in percent."""
    summary = standing.summary
    cells = [standing.model, unit.value(summary.macro), _span(standing.mean, unit)]
    cells += _difference(standing.against_base, unit)
    cells += [markup.percent(summary.selma), markup.percent(summary.exact)]
    for skill in skills:
        cells.append(unit.value(summary.by_skill.get(skill)))
    return [*cells, markup.percent(standing.diversity), unit.value(standing.floor)]


def _span(mean: Interval | None, unit: Unit) -> str:
    if mean is None:
        return NOT_MEASURED
    _, low, high = mean
    return unit.span(low, high)


def _difference(difference: Interval | None, unit: Unit) -> list[str]:
    """The difference and its interval; two empty cells without one."""
    if difference is None:
        return ["", ""]
    middle, low, high = map(unit.signed, difference)
    return [middle, f"{low} to {high}"]
