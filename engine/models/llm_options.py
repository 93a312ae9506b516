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

    def translate(self, values: dict[str, Any]) -> dict[str, Any]:
        """`values` by the names that the server takes."""
        options = {}
        for name, value in values.items():
            if name not in self._refused:
                options[name] = value
            elif name in LONGEST_ANSWER:
                options[LONGEST_ANSWER[name]] = value
        return options

    def refuse(self, body: str) -> str:
        """Learn from the body of a refusal; returns what is done about it, "" where it names no
        option of ours.
        """
        every = (*LONGEST_ANSWER, *MAY_BE_LEFT_OUT)
        name = refused_option(body, [name for name in every if name not in self._refused])
        if not name:
            return ""
        self._refused.add(name)
        if name in LONGEST_ANSWER:
            return f"takes no {name}; it is asked with {LONGEST_ANSWER[name]} from here on"
        return f"takes no {name}; it is asked without from here on"


def refused_option(body: str, options: list[str]) -> str:
    """The option that a refusal says a server does not know, "" where it says none or complains of
    a value.

    Shapes: OpenAI's `error.param` and `error.code`, the `detail[].loc` of FastAPI, or a sentence
    that names it.
    """
    code, option = _marked(_parsed(body))
    is_unsupported = _UNSUPPORTED.search(body) and not _WRONG_VALUE.search(body)
    if code not in _CODES and not is_unsupported:
        return ""
    if option:
        return option if option in options else ""
    # The last to be named: of "temperature and top_p cannot both be given" the first stays.
    last, end = "", -1
    for name in options:
        for place in re.finditer(rf"\b{name}\b", body):
            if place.end() > end:
                last, end = name, place.end()
    return last


def _parsed(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _marked(answer: dict[str, Any]) -> tuple[str, str]:
    """(code, option) as fields of their own, each "" where there is none."""
    error = answer.get("error")
    fields = error if isinstance(error, dict) else answer
    detail = answer.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = detail[0]
        place = first.get("loc")
        last = str(place[-1]) if isinstance(place, list) and place else ""
        return str(first.get("type", "")), last
    option = fields.get("param")
    return str(fields.get("code", "")), option if isinstance(option, str) else ""
