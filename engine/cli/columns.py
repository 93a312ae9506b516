"""A table in plain text."""

from collections.abc import Sequence


def text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Head and rows, each column as wide as its widest entry."""
    widths = [len(title) for title in head]
    for row in rows:
        for column, entry in enumerate(row):
            widths[column] = max(widths[column], len(entry))
    return "\n".join(_line(row, widths) for row in (head, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = map(str.ljust, row, widths)
    return "  ".join(padded).rstrip()
