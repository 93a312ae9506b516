"""The bars that were set for Storybook and its models before they were made."""

from engine.core.bars import Bar, Values, at_least
from engine.storybook import MODELS

VALUES_FILE = MODELS / "check.json"
"""What `python -m engine.storybook check --write` measured."""


def _is_quick(values: Values) -> bool:
    return values["judge_ms"] <= 5


def _base_is_between(values: Values) -> bool:
    """Good enough to learn from, and not so good that there is nothing left to learn."""
    return 0.65 <= values["base_dsg"] <= 0.90


def _weak_is_weaker(values: Values) -> bool:
    return values["weak_dsg"] <= values["base_dsg"] - 0.08


def _writes_like_the_grammar(values: Values) -> bool:
    return abs(values["writer_novel"] - values["grammar_novel"]) <= 0.10


JUDGE = {
    "judge_exact": Bar(
        "scenes that the judge reads without any error", "≥ 0.995", at_least("judge_exact", 0.995)
    ),
    "judge_ms": Bar("milliseconds it takes for one", "≤ 5", _is_quick),
    "judge_exact_after_vae": Bar(
        "scenes without any error after the VAE", "≥ 0.98", at_least("judge_exact_after_vae", 0.98)
    ),
    "ceiling_dsg": Bar("ceiling: DSG of true scenes after the VAE; no painter is better"),
}
PAINTERS = {
    "base_dsg": Bar(
        "base: DSG, mean over skills at its best guidance scale", "0.65–0.90", _base_is_between
    ),
    "base_worst_skill": Bar(
        "base: its weakest skill there", "≥ 0.45", at_least("base_worst_skill", 0.45)
    ),
    "base_floor": Bar("floor: the base's pictures by other prompts of the skill"),
    "weak_dsg": Bar("weak sibling: DSG", "0.08 below the base", _weak_is_weaker),
    "weak_floor": Bar("floor: the weak sibling's pictures by other prompts"),
}
WRITER = {
    "writer_parses": Bar(
        "writer: lines that can be read", "≥ 0.90", at_least("writer_parses", 0.90)
    ),
    "writer_on_skill": Bar(
        "writer: lines that keep to the skill", "≥ 0.85", at_least("writer_on_skill", 0.85)
    ),
    "writer_novel": Bar(
        "writer: lines that the novelty filter keeps",
        "the grammar's, ± 0.10",
        _writes_like_the_grammar,
    ),
    "grammar_novel": Bar("the grammar's own lines that it keeps"),
}
NEW_SKILLS = {
    "writer_unseen_skill": Bar(
        "writer: on skill for two skills that it was not trained on",
        "≥ 0.60",
        at_least("writer_unseen_skill", 0.60),
    ),
}
BARS = {**JUDGE, **PAINTERS, **WRITER, **NEW_SKILLS}
"""In the order of the guide."""
