"""Why there are too few prompts, in words: the commonest reason, a line it was said of, and what
helps.
"""

from collections.abc import Mapping
from typing import Any

from engine.core.errors import EngineError
from engine.core.types import RejectedPrompt
from engine.prompts.collection import TOO_SIMILAR, Collection, kind_of
from engine.prompts.writers import CUT, EMPTY, NO_LIST

LEAST_ROUNDS = 3
LEAST_LINES = 30
"""A writer has this long to bring one line that can be kept: three rounds, more where few lines are
asked for at once.
"""
SHOWN_CHARACTERS = 120

UNANSWERED = (CUT, EMPTY, NO_LIST)
"""Kinds of rounds that brought no lines at all."""

_FREE = 'Set language = "free" if the lines need not'
_WIDER = "Choose another model, or widen the skill"
REMEDIES = {
    CUT: "Raise max_tokens, or choose a model that does not think first",
    EMPTY: "Choose another model, or see whether the server uses this one's chat template",
    NO_LIST: "Choose a model that follows instructions better, or lower the temperature",
    "unreadable": f"{_FREE} be in the world's own language, or choose another model",
    "off skill": f"{_FREE} keep the skill's rules, or choose another model",
    "word limit": f"{_WIDER} (least_words, most_words)",
    "count limit": f"{_WIDER} (most_count)",
    TOO_SIMILAR: "Raise the temperature, or give the skill more and other examples",
}


def unanswered_rounds(lines: Collection) -> int:
    """How many rounds before this one brought no lines, as far as the collection tells: before
    anything was kept.
    """
    if lines.accepted:
        return 0
    number = 0
    for line in reversed(lines.rejected):
        if kind_of(line) not in UNANSWERED:
            break
        number += 1
    return number


def check(lines: Collection, recipe: Mapping[str, Any], count: int, rounds_unanswered: int) -> None:
    """Raises EngineError when another round would most likely bring nothing, either.

    Nothing was kept since the first, or the last `rounds_unanswered` brought no lines at all.
    """
    gives_up = rounds_unanswered >= LEAST_ROUNDS
    if not lines.accepted:
        # as many whole requests as LEAST_LINES take, rounded up
        patience = max(LEAST_ROUNDS, -(-LEAST_LINES // recipe["lines_per_request"]))
        if lines.rounds >= patience or gives_up:
            check_kept(lines, recipe)
    elif gives_up:
        raise EngineError(
            f"{lines.skill.name}: {len(lines.accepted)} of {count} prompts, and the last "
            f"{rounds_unanswered} answers held none. {_reason(lines)} {_remedy(lines, recipe)}. "
            "What was kept stays: start again to go on; with other options, set replace = true, "
            "and all are written anew."
        )


def check_kept(lines: Collection, recipe: Mapping[str, Any]) -> None:
    """Raises EngineError where nothing was kept, for the commonest reason."""
    if not lines.accepted:
        raise EngineError(
            f"{lines.skill.name}: nothing to keep in {lines.rounds} rounds. {_reason(lines)} "
            f"{_remedy(lines, recipe)}. All refused lines stay, each with its reason; the same "
            "settings are not tried again, unless you set replace = true."
        )


def text(lines: Collection, recipe: Mapping[str, Any], count: int) -> str:
    """Where some were kept, and not enough."""
    kinds = lines.refusals()
    if not kinds:
        why, remedy = "The writer wrote too few lines.", "Raise max_rounds, or widen the skill"
    elif _commonest(kinds) in UNANSWERED:
        why, remedy = _reason(lines), _remedy(lines, recipe)
    else:
        commonest = [f"{kind} ({number})" for kind, number in kinds.items()][:3]
        why = f"Most refused lines: {', '.join(commonest)}."
        remedy = "Raise max_rounds, or widen the skill"
    number = f"only {len(lines.accepted)} of {count} prompts after {lines.rounds} rounds"
    return f"{lines.skill.name}: {number}. {why} {remedy}."


def _commonest(kinds: Mapping[str, int]) -> str:
    """The first, by how refusals are counted."""
    return list(kinds)[0]


def _reason(lines: Collection) -> str:
    kinds = lines.refusals()
    if not kinds:
        return "The writer wrote no lines."
    kind = _commonest(kinds)
    line = _first_of(kind, lines.rejected)
    shown = line.text
    if len(shown) > SHOWN_CHARACTERS:
        shown = f"{shown[:SHOWN_CHARACTERS]} ..."
    example = f", as \u201c{shown}\u201d" if shown else ""
    return f"Most often: {line.reason} ({kinds[kind]} of {sum(kinds.values())}){example}."


def _first_of(kind: str, rejected: list[RejectedPrompt]) -> RejectedPrompt:
    for line in rejected:
        if kind_of(line) == kind:
            return line
    raise LookupError(kind)


def _remedy(lines: Collection, recipe: Mapping[str, Any]) -> str:
    kinds = lines.refusals()
    kind = _commonest(kinds) if kinds else EMPTY
    remedy, limit = REMEDIES.get(kind, _WIDER), recipe.get("writer's max_tokens")
    return f"{remedy} (max_tokens is {limit})" if kind == CUT and limit else remedy
