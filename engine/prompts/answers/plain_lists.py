"""Lists in plain text: lines that are numbered in a row, or begin with one and the same bullet."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NUMBERED = re.compile(
    r"(?P<indent>[ \t>]*)(?:\*\*|__|\#{1,6}[ \t]+)*(?:(?:prompt|caption|image|scene|line)\s*)?"
    r"\#?\(?(?P<mark>\d{1,3})\\?"
    r"(?:[.):\]]{1,2}|[ \t]*[-\u2013\u2014](?=\s))(?:\*\*|__)?(?=\D|$)[ \t]*(?P<text>.*)",
    re.IGNORECASE,
)
_BULLETED = re.compile(
    r"(?P<indent>[ \t>]*)(?P<mark>[-*+\u2022\u2023\u25aa\u25cf\u25e6\u2013\u2014])[ \t]+"
    r"(?:\[[ xX]?\][ \t]+)?(?P<text>\S.*)"
)
_ASIDE = re.compile(
    r"\W*(?:(?:a few|some|my|the|key|brief|quick)\s+)?(?:notes?|rules?|constraints?|rationale|"
    r"explanations?|reasoning|tips?|steps?|plan|analysis|guidelines|requirements|thinking|"
    r"criteria|caveats?|features|examples?|why)\b",
    re.IGNORECASE,
)
"""The heading of a list that goes with prompts and holds none."""
_BOLD = re.compile(r"(\*\*|__)(.+?)\1")
_TITLED = re.compile(r"\*\*[^*]+(?::\*\*|\*\*\s*[:\u2013\u2014-])\s*(?P<text>\S.*)")
_QUOTED = re.compile(r"[\"\u201c](?P<text>[^\"\u201c\u201d]+)[\"\u201d].*")
_PAIRS = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`", "*": "*", "_": "_"}


@dataclass
class _Run:
    """Lines of one list, with the numbers of their lines in the text."""

    indent: int
    heading: str
    texts: list[str]
    last_mark: str
    last_line: int
    step: int | None = None

    def takes(self, mark: str, indent: int) -> bool:
        """Whether a line goes on with the list: the next number, the same bullet, or as many ones
        as there are.
        """
        if indent != self.indent:
            return False
        if not mark.isdecimal():
            return mark == self.last_mark
        step = int(mark) - int(self.last_mark)
        fits = (
            step == self.step if self.step is not None else step == 1 or (step == 0 and mark == "1")
        )
        self.step = step if fits else self.step
        return fits


def lines_of(text: str, cut: bool = False) -> list[str]:
    """The texts of the last numbered list, else of the last bulleted one; the last line of a cut
    one is left out.

    A list of one line is none, unless it is numbered 1 and there is no other.
    """
    rows = text.split("\n")
    numbered, bulleted = (
        _runs(rows, _NUMBERED),
        [run for run in _runs(rows, _BULLETED) if len(run.texts) > 1],
    )
    several = [run for run in numbered if len(run.texts) > 1]
    for runs in (several, bulleted, [run for run in numbered if run.last_mark == "1"]):
        if wanted := [run for run in runs if not _ASIDE.match(run.heading)]:
            return _texts(
                wanted[-1], cut and not any(row.strip() for row in rows[wanted[-1].last_line + 1 :])
            )
    return []


def _runs(rows: Sequence[str], marked: re.Pattern[str]) -> list[_Run]:
    runs: list[_Run] = []
    heading = ""
    is_open = False
    for number, row in enumerate(rows):
        line = marked.fullmatch(row)
        if not line:
            # between numbers anything may stand; a bulleted list ends where another text begins
            is_open = is_open and (marked is _NUMBERED or not row.strip() or row[0] in " \t")
            heading = row if row.strip() else heading
            continue
        indent = len(line["indent"].expandtabs())
        text = line["text"] if line["text"].strip("*_: ") else _below(rows, number, marked)
        if is_open and indent > runs[-1].indent:
            continue
        if is_open and runs[-1].takes(line["mark"], indent):
            runs[-1].texts.append(text)
            runs[-1].last_mark, runs[-1].last_line = line["mark"], number
        else:
            runs.append(_Run(indent, heading, [text], line["mark"], number))
        is_open = True
    return runs


def _below(rows: Sequence[str], number: int, marked: re.Pattern[str]) -> str:
    """The text under a line that has a number and nothing else."""
    below = next((row for row in rows[number + 1 :] if row.strip()), "")
    return "" if marked.fullmatch(below) else below


def _texts(run: _Run, cut: bool) -> list[str]:
    texts = [text.strip() for text in (run.texts[:-1] if cut else run.texts)]
    for part in (_TITLED, _QUOTED):
        texts = _each(texts, part.fullmatch)
    return [bare(text) for text in texts]


def _each(texts: list[str], match: Callable[[str], re.Match[str] | None]) -> list[str]:
    """What all lines have behind a title, or between quotes; the lines themselves where one has
    none.
    """
    found = [match(text) for text in texts]
    return [part["text"] for part in found if part] if all(found) else texts


def bare(text: str) -> str:
    """Without the quotes, the comma and the bold type of a list."""
    text = _BOLD.sub(r"\2", text).strip()
    if text[-2:-1] in _PAIRS.values() and text[-1:] in ",;":
        text = text[:-1]
    while (
        len(text) > 1
        and _PAIRS.get(text[0]) == text[-1]
        and not {text[0], text[-1]} & {*text[1:-1]}
    ):
        text = text[1:-1].strip()
    return text
