"""Lists in plain text: lines that are numbered in a row, or begin with one and the same bullet."""

import re
from collections.abc import Sequence
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
class _MarkedList:
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
        if self.step is not None:
            return step == self.step
        # some number every line 1
        if step == 1 or (step == 0 and mark == "1"):
            self.step = step
            return True
        return False

    def is_list(self) -> bool:
        return len(self.texts) > 1


def lines_of(text: str, cut: bool = False) -> list[str]:
    """The texts of the last numbered list, else of the last bulleted one; the last line of a cut
    one is left out.

    A list of one line is none, unless it is numbered 1 and there is no other.
    """
    rows = text.split("\n")
    numbered, bulleted = _marked_lists(rows, _NUMBERED), _marked_lists(rows, _BULLETED)
    numbered_lists = list(filter(_MarkedList.is_list, numbered))
    bulleted_lists = list(filter(_MarkedList.is_list, bulleted))
    alone = [candidate for candidate in numbered if candidate.last_mark == "1"]
    for lists in (numbered_lists, bulleted_lists, alone):
        last = _last_of_prompts(lists)
        if last:
            is_last_row = not "".join(rows[last.last_line + 1 :]).strip()
            return _texts(last, cut and is_last_row)
    return []


def _last_of_prompts(lists: Sequence[_MarkedList]) -> _MarkedList | None:
    """The last list whose heading does not say that it holds something else."""
    for candidate in reversed(lists):
        if not _ASIDE.match(candidate.heading):
            return candidate
    return None


def _marked_lists(rows: Sequence[str], marked: re.Pattern[str]) -> list[_MarkedList]:
    lists: list[_MarkedList] = []
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
        if is_open and indent > lists[-1].indent:
            continue
        if is_open and lists[-1].takes(line["mark"], indent):
            lists[-1].texts.append(text)
            lists[-1].last_mark, lists[-1].last_line = line["mark"], number
        else:
            lists.append(_MarkedList(indent, heading, [text], line["mark"], number))
        is_open = True
    return lists


def _below(rows: Sequence[str], number: int, marked: re.Pattern[str]) -> str:
    """The text under a line that has a number and nothing else."""
    for row in rows[number + 1 :]:
        if row.strip():
            return "" if marked.fullmatch(row) else row
    return ""


def _texts(candidate: _MarkedList, cut: bool) -> list[str]:
    whole = candidate.texts[:-1] if cut else candidate.texts
    texts = [text.strip() for text in whole]
    for part in (_TITLED, _QUOTED):
        texts = _each(texts, part)
    return list(map(bare, texts))


def _each(texts: list[str], part: re.Pattern[str]) -> list[str]:
    """What all lines have behind a title, or between quotes; the lines themselves where one has
    none.
    """
    parts: list[str] = []
    for text in texts:
        match = part.fullmatch(text)
        if not match:
            return texts
        parts.append(match["text"])
    return parts


def bare(text: str) -> str:
    """Without the quotes, the comma and the bold type of a list."""
    text = _BOLD.sub(r"\2", text).strip()
    if text[-2:-1] in _PAIRS.values() and text[-1:] in ",;":
        text = text[:-1]
    while _is_quoted(text):
        text = text[1:-1].strip()
    return text


def _is_quoted(text: str) -> bool:
    """Whether one pair of quotes stands around the whole text, and none of its kind inside."""
    if len(text) < 2 or _PAIRS.get(text[0]) != text[-1]:
        return False
    inside = text[1:-1]
    return text[0] not in inside and text[-1] not in inside
