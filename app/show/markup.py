"""Records as HTML. Pure functions; every text that a model or a person wrote is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from engine.evaluate.standings.units import SHARE


def empty(title: str, remedy: str) -> str:
    """What stands where nothing is yet: what will be there, and how to get it."""
    return f'<div class="empty"><b>{escape(title)}</b><p>{escape(remedy)}</p></div>'


def failure(sentence: str) -> str:
    return f'<div class="failure" role="alert">{escape(sentence)}</div>'


def notice(sentence: str) -> str:
    """What holds for the whole page."""
    return f'<p class="notice" role="note">{escape(sentence)}</p>'


def aside(sentence: str) -> str:
    """A remark below what it is about."""
    return f'<p class="aside">{escape(sentence)}</p>'


def patience(sentence: str) -> str:
    """What stands where something will be in a moment."""
    text = escape(sentence)
    return f'<div class="waiting" role="status"><progress></progress><p>{text}</p></div>'


def heading(text: str) -> str:
    """Below the page's one first heading, whatever stands between; "" without a text."""
    return f'<h2 class="part">{escape(text)}</h2>' if text else ""


def rows(parts: Iterable[str]) -> str:
    """Parts abreast where there is room."""
    sections = "".join(f"<section>{part}</section>" for part in parts)
    return f'<div class="rows">{sections}</div>'


def scroll(name: str, wide: str) -> str:
    """What may be wider than the page; the arrow keys move it, too."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(name)}">{wide}</div>'


def definitions(title: str, sentences: Mapping[str, str]) -> str:
    """A short list of names, each with a sentence."""
    lines = ""
    for name, sentence in sentences.items():
        lines += f"<dt>{escape(name)}</dt><dd>{escape(sentence)}</dd>"
    return f'{heading(title)}<dl class="named">{lines}</dl>'


def counts(numbers: Mapping[str, int]) -> str:
    """Small figures with their names, in a line."""
    line = ""
    for name, number in numbers.items():
        line += f"<span><b>{number:,}</b> {escape(name)}</span>"
    return f'<p class="counted">{line}</p>'


def column_heads(titles: Iterable[str]) -> str:
    """Cells of a table's head; one without a title is empty."""
    cells = ""
    for title in titles:
        cells += f'<th scope="col">{escape(title)}</th>' if title else "<td></td>"
    return cells


def table(header: Sequence[str], rows: Iterable[Sequence[str]], best: int | None = None) -> str:
    """The first column names, the others count; row `best`, only a decided one, stands out."""
    body = ""
    for number, cells in enumerate(rows):
        body += _row(cells, number == best)
    head = f"<thead><tr>{column_heads(header)}</tr></thead>"
    return scroll("Numbers", f'<table class="numbers">{head}<tbody>{body}</tbody></table>')


def percent(value: float | None) -> str:
    """A share with one digit after the point; a dash for what was not measured."""
    return SHARE.value(value)


def span(low: float, high: float) -> str:
    """The ends of an interval of a rate, in percent."""
    return SHARE.span(low, high)


def _row(cells: Sequence[str], is_best: bool) -> str:
    name, *numbers = cells
    html = f'<th scope="row">{escape(name)}</th>'
    for number in numbers:
        html += f"<td>{escape(number)}</td>"
    return f'<tr class="best">{html}</tr>' if is_best else f"<tr>{html}</tr>"
