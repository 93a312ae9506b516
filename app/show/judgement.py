"""What judges, and the filter of the prompts, said, as HTML."""

from collections.abc import Iterable, Sequence
from html import escape

from app.show import markup
from engine.core.evidence import Answer, SeenScene
from engine.core.types import Prompt, RejectedPrompt, Score
from engine.evaluate.standings import units
from engine.evaluate.standings.units import SHARE, Unit

YES, NO = "✓", "✗"


def verdicts(skill: str, accepted: Iterable[Prompt], rejected: Iterable[RejectedPrompt]) -> str:
    """What the writer wrote and what the filter said of it."""
    lines = "".join(map(_accepted, accepted))
    lines += "".join(map(_rejected, rejected))
    return f'{markup.heading(skill)}<ul class="verdicts">{lines}</ul>'


def reading(score: Score) -> str:
    """The judge's questions with the answers it read from the picture, and the share of yes."""
    if score.value is None:
        reason = score.unscored or "no reason given"
        return f'<p class="unscored">Unscored: {escape(reason)}.</p>'
    answers = "".join(map(_answer, score.answers))
    seen = _scene(score.seen)
    total = f'<b class="mark">{escape(score_text(score))}</b>{_share(score.answers)}'
    return f'<div class="reading"><p>{total}</p><ul>{answers}</ul>{seen}</div>'


def score_line(score: Score) -> str:
    """The score alone, where many pictures stand side by side."""
    text = escape(score_text(score))
    return f'<div class="reading"><small class="{tone(is_good(score))}">{text}</small></div>'


def score_text(score: Score | None, unit: Unit | None = None) -> str:
    """A score in a word; its unit is that of the table it stands in, or else the judge's."""
    if score is None:
        return ""
    if score.value is None:
        return "unscored"
    return (unit or _unit_of(score)).alone(score.value)


def is_good(score: Score | None, unit: Unit | None = None) -> bool | None:
    """Whether everything was right; None where nothing was scored, or where no score means that."""
    if score is None or score.value is None:
        return None
    if (unit or _unit_of(score)) is not SHARE:
        return None
    return score.value == 1.0


def tone(is_good: bool | None) -> str:
    """The style class of good, bad and other news."""
    if is_good is None:
        return "plain"
    return "good" if is_good else "bad"


def unreadable(world: str, reason: str, known_words: Sequence[str]) -> str:
    """What is said of a prompt outside a world's language; the nearest sentence stands below it."""
    words = ", ".join(f"<mark>{escape(word)}</mark>" for word in known_words)
    knows = f"It knows {words}." if words else "It knows none of these words."
    return (
        f'<p class="unreadable">{escape(world)} cannot read this: {escape(reason)}. It is painted, '
        f"but not scored. {knows} The nearest sentence it speaks:</p>"
    )


def answer_text(answer: Answer) -> str:
    """A question with its answer, in plain text."""
    return f"{YES if answer.yes else NO} {answer.text}"


def _accepted(prompt: Prompt) -> str:
    text, novelty = escape(prompt.text), f"{prompt.novelty:.0%} new"
    return f'<li class="kept"><i>{YES}</i><p>{text}</p><small>{novelty}</small></li>'


def _rejected(rejected: RejectedPrompt) -> str:
    text = escape(rejected.text) or "(an empty line)"
    reason = escape(_reason(rejected))
    return f'<li class="refused"><i>{NO}</i><p>{text}</p><small>{reason}</small></li>'


def _reason(rejected: RejectedPrompt) -> str:
    if not rejected.nearest:
        return rejected.reason
    rouge_l = f", ROUGE-L {rejected.rouge_l:.2f}" if rejected.rouge_l else ""
    return f"{rejected.reason} (“{rejected.nearest}”{rouge_l})"


def _answer(answer: Answer) -> str:
    kind, sign = ("yes", YES) if answer.yes else ("no", NO)
    return f'<li class="{kind}"><i>{sign}</i>{escape(answer.text)}</li>'


def _share(answers: Sequence[Answer]) -> str:
    """How many questions are answered yes; "" where none was put."""
    if not answers:
        return ""
    right = sum(answer.yes for answer in answers)
    return f" {right} of {len(answers)} questions"


def _scene(seen: SeenScene | None) -> str:
    """What the judge saw, in one line."""
    if seen is None:
        return ""
    parts = []
    for thing in seen.things:
        colour, kind = thing.colour or "oddly coloured", thing.kind or "shape"
        parts.append(f"{colour} {kind}")
    if seen.background:
        parts.append(seen.background)
    sees = ", ".join(parts) or "nothing it knows"
    return f'<p class="seen">It sees {escape(sees)}.</p>'


def _unit_of(score: Score) -> Unit:
    return units.judge_unit(score.judge, [score.value])
