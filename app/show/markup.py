"""Records as HTML. Pure functions; every text that a model or a person wrote is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from app.show import thumbnails
from app.show.thumbnails import Shown
from engine.core.types import Prompt, Rejected, Score
from engine.evaluate.standings import units
from engine.evaluate.standings.units import SHARE, Unit

YES, NO = "✓", "✗"
GridCell = tuple[int, Shown | None, str, str]
"""Its number, the picture, a mark below it, and what is told of it at rest."""


@dataclass(frozen=True)
class Tile:
    """One picture of a gallery; `mark` says whether the note is good news, None when it is neither."""

    shown: Shown | None
    text: str
    note: str = ""
    mark: bool | None = None


def empty(title: str, remedy: str) -> str:
    """What stands where nothing is yet: what will be there, and how to get it."""
    return f'<div class="empty"><b>{escape(title)}</b><p>{escape(remedy)}</p></div>'


def escaped(text: object) -> str:
    """For sentences that hold what a person or a model wrote."""
    return escape(str(text))


def failure(sentence: str) -> str:
    return f'<div class="failure" role="alert">{escape(sentence)}</div>'


def notice(sentence: str) -> str:
    """What holds for the whole page."""
    return f'<p class="notice" role="note">{escape(sentence)}</p>'


def gallery(tiles: Sequence[Tile], heading: str = "") -> str:
    """As many pictures abreast as the page is wide."""
    head = _part(heading) if heading else ""
    return f'{head}<div class="gallery">{"".join(map(_tile, tiles))}</div>'


def rows(parts: Sequence[str]) -> str:
    """Parts abreast where there is room."""
    return f'<div class="rows">{"".join(f"<section>{part}</section>" for part in parts)}</div>'


def film(
    heading: str, texts: Sequence[str], columns: Sequence[tuple[str, Sequence[Shown | None]]]
) -> str:
    """Pictures over time: a row a text, a column a moment; within a column in the order of the
    texts.
    """
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title, _ in columns)
    rows = "".join(
        _film_row(text, [moment[n] if n < len(moment) else None for _, moment in columns])
        for n, text in enumerate(texts)
    )
    head = f"<thead><tr><td></td>{head}</tr></thead>"
    table = f'<table class="film">{head}<tbody>{rows}</tbody></table>'
    return _part(heading) + _scroll(heading, table)


def grid(
    heading: str,
    axes: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence["GridCell | None"]]],
) -> str:
    """Pictures over two axes; a painted cell is a button that carries its number."""
    head = "".join(f'<th scope="col">{escape(value)}</th>' for value in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(value)}</th>{"".join(map(_grid_cell, cells))}</tr>'
        for value, cells in rows
    )
    head = f'<th scope="col">{escape(axes)}</th>{head}'
    table = f'<table class="film grid"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return _part(heading) + _scroll(heading, table)


def facing(title: str, shown: Shown, below: str) -> str:
    """One large picture with what is said of it."""
    picture = thumbnails.img(shown, title)
    return (
        f'<figure class="facing"><figcaption>{escape(title)}</figcaption>{picture}{below}</figure>'
    )


def abreast(heading: str, parts: Sequence[str]) -> str:
    """Pictures of one prompt, side by side."""
    head = _part(heading) if heading else ""
    return f'{head}<div class="pair" style="--columns: {len(parts)}">{"".join(parts)}</div>'


def verdicts(heading: str, accepted: Sequence[Prompt], rejected: Sequence[Rejected]) -> str:
    """What the writer wrote and what the filter said of it."""
    kept = [
        f'<li class="kept"><i>{YES}</i><p>{escape(p.text)}</p><small>{p.novelty:.0%} new</small></li>'
        for p in accepted
    ]
    refused = [
        f'<li class="refused"><i>{NO}</i><p>{escape(r.text) or "(an empty line)"}</p>'
        f"<small>{escape(_why(r))}</small></li>"
        for r in rejected
    ]
    return f'{_part(heading)}<ul class="verdicts">{"".join(kept + refused)}</ul>'


def reading(score: Score) -> str:
    """The judge's questions with the answers it read from the picture, and the share of yes."""
    if score.value is None:
        return f'<p class="unscored">Unscored: {escape(score.unscored or "no reason given")}.</p>'
    asked = score.answers
    lines = "".join(map(_answer, asked))
    right = sum(bool(q["yes"]) for q in asked)
    counted = f" {right} of {len(asked)} questions" if asked else ""
    total = f'<b class="mark">{escape(marked(score))}</b>{counted}'
    return f'<div class="reading"><p>{total}</p><ul>{lines}</ul>{_seen(score.seen)}</div>'


def brief(score: Score) -> str:
    """The score alone, where many pictures stand side by side."""
    tone = _tone(is_good(score))
    return f'<div class="reading"><small class="{tone}">{escape(marked(score))}</small></div>'


def named(heading: str, sentences: Mapping[str, str]) -> str:
    """A short list of names, each with a sentence."""
    lines = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in sentences.items()
    )
    return f'{_part(heading)}<dl class="named">{lines}</dl>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], best: int | None = None) -> str:
    """The first column names, the others count; row `best`, only a decided one, stands out."""
    head = "".join(
        f'<th scope="col">{escape(cell)}</th>' if cell else "<td></td>" for cell in header
    )
    body = "".join(_row(cells, number == best) for number, cells in enumerate(rows))
    shown = f'<table class="numbers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return _scroll("Numbers", shown)


def percent(value: float | None) -> str:
    """A share with one digit after the point; a dash for what was not measured."""
    return SHARE.value(value)


def span(low: float, high: float) -> str:
    """The ends of an interval of a rate, in percent."""
    return SHARE.span(low, high)


def marked(score: Score | None, unit: Unit | None = None) -> str:
    """A score in a word; its unit is that of the table it stands in, or else the judge's."""
    if score is None:
        return ""
    if score.value is None:
        return "unscored"
    return (unit or units.of(score.judge, [score.value])).alone(score.value)


def is_good(score: Score | None, unit: Unit | None = None) -> bool | None:
    """Whether everything was right; None where nothing was scored, or where no score means that."""
    if score is None or score.value is None:
        return None
    return score.value == 1.0 if (unit or units.of(score.judge, [score.value])) is SHARE else None


def aside(sentence: str) -> str:
    return f'<p class="aside">{escape(sentence)}</p>'


def waiting(sentence: str) -> str:
    return (
        f'<div class="waiting" role="status"><progress></progress><p>{escape(sentence)}</p></div>'
    )


def unreadable(world: str, reason: str, known: Sequence[str]) -> str:
    """What is said of a prompt outside a world's language; the nearest sentence is offered below it."""
    words = ", ".join(f"<mark>{escape(word)}</mark>" for word in known)
    shared = f"It knows {words}." if known else "It knows none of these words."
    return (
        f'<p class="unreadable">{escape(world)} cannot read this: {escape(reason)}. '
        "It is painted, but not scored. "
        f"{shared} The nearest sentence it speaks:</p>"
    )


def counted(counts: Mapping[str, int]) -> str:
    """Small figures with their names, in a line."""
    said = "".join(f"<span><b>{n:,}</b> {escape(what)}</span>" for what, n in counts.items())
    return f'<p class="counted">{said}</p>'


def _part(heading: str) -> str:
    """Below the page's one first heading, whatever stands between."""
    return f'<h2 class="part">{escape(heading)}</h2>'


def _scroll(name: str, wide: str) -> str:
    """What may be wider than the page; the arrow keys move it, too."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(name)}">{wide}</div>'


def _tile(tile: Tile) -> str:
    note = f'<small class="{_tone(tile.mark)}">{escape(tile.note)}</small>' if tile.note else ""
    return (
        f"<figure>{thumbnails.img(tile.shown, tile.text)}<figcaption>{escape(tile.text)}</figcaption>"
        f"{note}</figure>"
    )


def _film_row(text: str, shown: Sequence[Shown | None]) -> str:
    cells = "".join(f"<td>{thumbnails.img(picture, text)}</td>" for picture in shown)
    return f'<tr><th scope="row">{escape(text)}</th>{cells}</tr>'


def _grid_cell(cell: GridCell | None) -> str:
    if cell is None:
        return f"<td>{thumbnails.img(None, '')}</td>"
    number, shown, said, read = cell
    note = f"<small>{escape(said)}</small>" if said else ""
    return f'<td><button type="button" data-cell="{number}">{thumbnails.img(shown, read)}{note}</button></td>'


def _answer(question: Mapping) -> str:
    tone, sign = ("yes", YES) if question["yes"] else ("no", NO)
    return f'<li class="{tone}"><i>{sign}</i>{escape(question["text"])}</li>'


def _tone(mark: bool | None) -> str:
    return "plain" if mark is None else "good" if mark else "bad"


def _why(refused: Rejected) -> str:
    if not refused.nearest:
        return refused.reason
    like = f", ROUGE-L {refused.rouge_l:.2f}" if refused.rouge_l else ""
    return f"{refused.reason} (“{refused.nearest}”{like})"


def _seen(seen: Mapping | None) -> str:
    """What the judge saw, in one line."""
    if seen is None:
        return ""
    things = [f"{t['colour'] or 'oddly coloured'} {t['kind'] or 'shape'}" for t in seen["things"]]
    where = [seen["background"]] if seen["background"] else []
    return (
        f'<p class="seen">It sees {escape(", ".join([*things, *where]) or "nothing it knows")}.</p>'
    )


def _row(cells: Sequence[str], is_best: bool) -> str:
    name, *numbers = cells
    inside = f'<th scope="row">{escape(name)}</th>' + "".join(
        f"<td>{escape(cell)}</td>" for cell in numbers
    )
    return f'<tr class="best">{inside}</tr>' if is_best else f"<tr>{inside}</tr>"
