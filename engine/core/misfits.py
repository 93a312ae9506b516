"""What is wrong with a value, in words that fit on a line."""

from collections.abc import Callable
from typing import Any

MOST_SHOWN = 80
DEEPEST = 100
REMEDIES = {
    int: "Give a whole number",
    float: "Give a number",
    str: "Give a text, in quotes",
    bool: "Give true or false",
    list: "Give a list",
    tuple: "Give a list",
    dict: "Give named values",
}


class Misfit(ValueError):
    """What is wrong with a value, where in it, and what to give instead."""

    def __init__(
        self, complaint: str, remedy: str = "Give another value", place: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{': '.join(place)} {complaint}" if place else complaint)
        self.complaint = complaint
        self.remedy = remedy
        self.place = place

    def at_place(self, name: object) -> "Misfit":
        """The same, of a value that lies under this name in a larger one."""
        return Misfit(self.complaint, self.remedy, (shortened(name, str), *self.place))


TOO_DEEP = Misfit("it is nested too deep", "Write it flat")


def shortened(value: object, shown: Callable[[Any], str] = repr) -> str:
    """As an error quotes it."""
    try:
        text = shown(value)
    except (RecursionError, ValueError):  # nested too deep, a number of too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def check_depth(value: Any) -> None:
    """Raises Misfit for lists and tables within each other that later steps could not follow."""
    level = [value]
    for _ in range(DEEPEST):
        next_level: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                next_level.extend(one.values())
            elif isinstance(one, list):
                next_level.extend(one)
        if not next_level:
            return
        level = next_level
    raise TOO_DEEP


def wrong(value: Any, kind: type) -> Misfit:
    """For a value of another type."""
    remedy = REMEDIES.get(kind, "Give another value")
    return Misfit(f"is {shortened(value)}; it must be of type {kind.__name__}", remedy)


def is_unicode(text: str) -> bool:
    """Whether no surrogate stands alone in it, which JSON can write and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
