"""Why there are too few prompts, in words: the commonest reason, a line it was said of, and what
helps.
"""

from collections.abc import Mapping
from typing import Any

from engine.core.errors import EngineError
from engine.prompts.collection import TOO_SIMILAR, Pool
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
    "unreadable": f"{_FREE} be Storybook English, or choose another model",
    "off skill": f"{_FREE} keep the skill's rules, or choose another model",
    "word limit": f"{_WIDER} (least_words, most_words)",
    "count limit": f"{_WIDER} (most_count)",
    TOO_SIMILAR: "Raise the temperature, or give the skill more and other examples",
}


def unanswered(pool: Pool) -> int:
    """How many rounds before this one brought no lines, as far as the pool tells: before anything
    was kept.
    """
    number = 0
    for line in reversed([] if pool.accepted else pool.rejected):
        if _kind(line.reason) not in UNANSWERED:
            break
        number += 1
    return number


def check(pool: Pool, recipe: Mapping[str, Any], count: int, without_answer: int) -> None:
    """Raises EngineError when another round would most likely bring nothing, either.

    Nothing was kept since the first, or the last rounds (`without_answer` of them) brought no lines
    at all.
    """
    patience = max(LEAST_ROUNDS, -(-LEAST_LINES // recipe["lines_per_request"]))
    if pool.accepted and without_answer >= LEAST_ROUNDS:
        raise EngineError(
            f"{pool.skill.name}: {len(pool.accepted)} of {count} prompts, and the last "
            f"{without_answer} answers held none. {_reason(pool)} {_remedy(pool, recipe)}. What "
            "was kept stays: start again to go on; with other options, set replace = true, and "
            "all are written anew."
        )
    if not pool.accepted and (pool.rounds >= patience or without_answer >= LEAST_ROUNDS):
        check_kept(pool, recipe)


def check_kept(pool: Pool, recipe: Mapping[str, Any]) -> None:
    """Raises EngineError for a pool that has kept nothing, for the commonest reason."""
    if not pool.accepted:
        raise EngineError(
            f"{pool.skill.name}: nothing to keep in {pool.rounds} rounds. {_reason(pool)} "
            f"{_remedy(pool, recipe)}. All refused lines stay, each with its reason; the same "
            "settings are not tried again, unless you set replace = true."
        )


def text(pool: Pool, recipe: Mapping[str, Any], count: int) -> str:
    """For a pool that has kept some, and not enough."""
    refused = [f"{kind} ({number})" for kind, number in _kinds(pool).items()]
    why = (
        f"Most refused lines: {', '.join(refused[:3])}."
        if refused
        else "The writer wrote too few lines."
    )
    remedy = "Raise max_rounds, or widen the skill"
    if refused and next(iter(_kinds(pool))) in UNANSWERED:
        why, remedy = _reason(pool), _remedy(pool, recipe)
    far = f"only {len(pool.accepted)} of {count} prompts after {pool.rounds} rounds"
    return f"{pool.skill.name}: {far}. {why} {remedy}."


def _kinds(pool: Pool) -> dict[str, int]:
    """Refusals by kind, the commonest first."""
    return {kind: number for kind, number in pool.counts().items() if kind != "accepted"}


def _reason(pool: Pool) -> str:
    kinds = _kinds(pool)
    if not kinds:
        return "The writer wrote no lines."
    kind = next(iter(kinds))
    line = next(line for line in pool.rejected if _kind(line.reason) == kind)
    shown = (
        line.text if len(line.text) <= SHOWN_CHARACTERS else f"{line.text[:SHOWN_CHARACTERS]} ..."
    )
    example = f", as \u201c{shown}\u201d" if shown else ""
    return f"Most often: {line.reason} ({kinds[kind]} of {sum(kinds.values())}){example}."


def _remedy(pool: Pool, recipe: Mapping[str, Any]) -> str:
    kind = next(iter(_kinds(pool)), EMPTY)
    now = recipe.get("writer's max_tokens")
    return REMEDIES.get(kind, _WIDER) + (f" (max_tokens is {now})" if kind == CUT and now else "")


def _kind(reason: str) -> str:
    return reason.split(":")[0]
