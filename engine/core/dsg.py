"""How answers to dependent questions become one number: DSG's reference rule and SELMA's.

Reference ([DSG](https://arxiv.org/abs/2310.18235)): a question counts as no when any parent's *own*
answer is no; one level, on raw answers; the score of a prompt is the mean over its questions, of a
benchmark the mean over prompts. SELMA's scorer ([SELMA](https://arxiv.org/abs/2403.06952), released
code) zeroes in place, so that a no travels down to grandchildren that stand later in the list, and
averages over all questions of all prompts. Both survive what real question sets hold: parents that
are missing, cycles, self-references.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AnsweredQuestion:
    id: str
    yes: bool
    parents: tuple[str, ...] = ()


def one_level(answered: Sequence[AnsweredQuestion]) -> list[float]:
    """1.0 or 0.0 per question; unknown parents and a question's own id are ignored."""
    answers = {question.id: question.yes for question in answered}
    values = []
    for question in answered:
        values.append(float(question.yes and _parents_allow(question, answers)))
    return values


def cascading(answered: Sequence[AnsweredQuestion]) -> list[float]:
    """1.0 or 0.0 per question, each seeing what became of the questions before it."""
    current = {question.id: question.yes for question in answered}
    for question in answered:
        # in place, as the release does: questions that stand later see this one's new answer
        current[question.id] = current[question.id] and _parents_allow(question, current)
    return [float(current[question.id]) for question in answered]


def _parents_allow(question: AnsweredQuestion, answers: Mapping[str, bool]) -> bool:
    """Whether no parent's answer is no."""
    for parent in question.parents:
        if parent != question.id and not answers.get(parent, True):
            return False
    return True


def selma_score(prompts: Sequence[Sequence[AnsweredQuestion]]) -> float:
    """Mean over all questions of all prompts, cascading."""
    values: list[float] = []
    for answered in prompts:
        values += cascading(answered)
    return sum(values) / len(values)
