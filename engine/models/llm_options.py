"""Which options of a request a server takes: one that it refuses by name is asked for otherwise, or
left out.
"""

import json
import re
from typing import Any

LONGEST_ANSWER = {"max_tokens": "max_completion_tokens"}
"""Newer models of OpenAI refuse the first name and ask for the second. Nobody is asked without a
limit.
"""
MAY_BE_LEFT_OUT = ("temperature", "top_p", "seed", "stop")

_CODES = {"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"}
_UNSUPPORTED = re.compile(
    r"unsupported|not support|not allowed|not permitted|unrecogni[sz]ed|unknown|unexpected|"
    r"cannot both",
    re.IGNORECASE,
)
_WRONG_VALUE = re.compile(
    r"too (?:large|long|high|low|small)|at most|at least|maximum|must be|should be|greater|"
    r"less than",
    re.IGNORECASE,
)
"""The option is known, its value is not: nothing to leave out, but something for the user to
change.
"""


class Options:
    """The options of every request to one server, without those that it has refused."""

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def named(self, values: dict[str, Any]) -> dict[str, Any]:
        """`values` by the names that the server takes."""
        return {
            self._name(name): value
            for name, value in values.items()
            if name not in self._refused or name in LONGEST_ANSWER
        }

    def refuse(self, body: str) -> str:
        """Learn from the body of a refusal; returns what is done about it, "" where it names no
        option of ours.
        """
        name = refused_option(
            body,
            [name for name in (*LONGEST_ANSWER, *MAY_BE_LEFT_OUT) if name not in self._refused],
        )
        if not name:
            return ""
        self._refused.add(name)
        if name in LONGEST_ANSWER:
            return f"takes no {name}; it is asked with {LONGEST_ANSWER[name]} from here on"
        return f"takes no {name}; it is asked without from here on"

    def _name(self, name: str) -> str:
        return LONGEST_ANSWER.get(name, name) if name in self._refused else name


def refused_option(body: str, asked: list[str]) -> str:
    """The option that a refusal says a server does not know, "" where it says none or complains of
    a value.

    Shapes: OpenAI's `error.param` and `error.code`, the `detail[].loc` of FastAPI, or a sentence
    that names it.
    """
    told = _parsed(body)
    code, named = _marked(told)
    if code not in _CODES and (not _UNSUPPORTED.search(body) or _WRONG_VALUE.search(body)):
        return ""
    if named:
        return named if named in asked else ""
    said = {name: place.end() for name in asked for place in re.finditer(rf"\b{name}\b", body)}
    # of "temperature and top_p cannot both be given" the first stays
    return max(said, key=said.__getitem__, default="")


def _parsed(body: str) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _marked(told: dict[str, Any]) -> tuple[str, str]:
    """(code, option) as fields of their own, each "" where there is none."""
    error = told.get("error")
    fields = error if isinstance(error, dict) else told
    detail = told.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        place = detail[0].get("loc")
        return str(detail[0].get("type", "")), str(place[-1]) if isinstance(
            place, list
        ) and place else ""
    option = fields.get("param")
    return str(fields.get("code", "")), option if isinstance(option, str) else ""
