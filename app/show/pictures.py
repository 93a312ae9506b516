"""Pictures as HTML: a gallery, a film of samples, a grid, a comparison."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from app.show import markup
from app.show.judgement import tone
from app.show.thumbnails import InlinePicture, img


@dataclass(frozen=True)
class Tile:
    """One picture of a gallery."""

    picture: InlinePicture | None
    text: str
    note: str = ""
    is_good: bool | None = None
    """Whether the note is good news; None when it is neither."""


@dataclass(frozen=True)
class Frame:
    """One picture of a grid."""

    number: int
    """What a press on it sends."""
    picture: InlinePicture | None
    note: str
    """Below it."""
    description: str
    """For whoever rests on the picture."""


@dataclass(frozen=True)
class Row:
    """A row of a grid; where nothing is painted yet, the frame is None."""

    title: str
    frames: Sequence[Frame | None]


@dataclass(frozen=True)
class Moment:
    """A column of a film: its pictures, in the order of the film's texts."""

    title: str
    pictures: Sequence[InlinePicture | None]


def gallery(tiles: Iterable[Tile], title: str = "") -> str:
    """As many pictures abreast as the page is wide."""
    figures = "".join(map(_tile, tiles))
    return f'{markup.heading(title)}<div class="gallery">{figures}</div>'


def film(title: str, texts: Sequence[str], moments: Sequence[Moment]) -> str:
    """Pictures over time: a row per text, a column per moment."""
    head = markup.column_heads(moment.title for moment in moments)
    body = ""
    for number, text in enumerate(texts):
        body += _film_row(number, text, moments)
    head = f"<thead><tr><td></td>{head}</tr></thead>"
    table = f'<table class="film">{head}<tbody>{body}</tbody></table>'
    return markup.heading(title) + markup.scroll(title, table)


def grid(title: str, axes: str, columns: Iterable[str], rows: Iterable[Row]) -> str:
    """Pictures over two axes; a painted one is a button that carries its number."""
    head = markup.column_heads([axes, *columns])
    body = ""
    for row in rows:
        frames = "".join(map(_frame, row.frames))
        body += f'<tr><th scope="row">{escape(row.title)}</th>{frames}</tr>'
    table = f'<table class="film grid"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return markup.heading(title) + markup.scroll(title, table)


def large(title: str, picture: InlinePicture, below: str) -> str:
    """One large picture with what is said of it."""
    caption = f"<figcaption>{escape(title)}</figcaption>"
    return f'<figure class="facing">{caption}{img(picture, title)}{below}</figure>'


def side_by_side(title: str, figures: Sequence[str]) -> str:
    """Large pictures of one prompt."""
    html = "".join(figures)
    return (
        f'{markup.heading(title)}<div class="pair" style="--columns: {len(figures)}">{html}</div>'
    )


def _tile(tile: Tile) -> str:
    note = ""
    if tile.note:
        note = f'<small class="{tone(tile.is_good)}">{escape(tile.note)}</small>'
    caption = f"<figcaption>{escape(tile.text)}</figcaption>"
    return f"<figure>{img(tile.picture, tile.text)}{caption}{note}</figure>"


def _film_row(number: int, text: str, moments: Sequence[Moment]) -> str:
    """The pictures of one text; an empty frame where a moment has none of it."""
    cells = ""
    for moment in moments:
        has_picture = number < len(moment.pictures)
        picture = moment.pictures[number] if has_picture else None
        cells += f"<td>{img(picture, text)}</td>"
    return f'<tr><th scope="row">{escape(text)}</th>{cells}</tr>'


def _frame(frame: Frame | None) -> str:
    if frame is None:
        return f"<td>{img(None, '')}</td>"
    picture = img(frame.picture, frame.description)
    note = f"<small>{escape(frame.note)}</small>" if frame.note else ""
    button = f'<button type="button" data-cell="{frame.number}">{picture}{note}</button>'
    return f"<td>{button}</td>"
