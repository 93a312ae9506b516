"""What an instruct model is asked (task, rules, numbered examples), and the lines of its reply."""

from collections.abc import Sequence

from engine.models.llm import Messages, Reply
from engine.prompts.answers import lines_of
from engine.prompts.writers import CUT, EMPTY, NO_LIST, NoAnswer, Request

SHOWN_CHARACTERS = 300
"""How much of an answer without prompts is kept for people to read."""


def messages(request: Request) -> Messages:
    """The conversation that asks for a request's lines, after SELMA's: one task sentence, rules,
    examples.
    """
    skill = request.skill
    rules = [
        f"Each has at least {skill.least_words} and at most {skill.most_words} words.",
        "Name things that can be seen in a picture: no abstract ideas, no text to be written in "
        "it.",
        "Vary the things, their attributes and the sentences, and repeat none of the examples.",
    ]
    if skill.most_count:
        rules.insert(0, f"Never ask for more than {skill.most_count} of the same thing.")
    task = (
        f"You write prompts for a text-to-image model that is to learn \u201c{skill.title}\u201d. "
        f"Write {request.count} new ones. {skill.instruction}"
    )
    last = f"Answer with a JSON list of {request.count} strings and nothing else."
    paragraphs = (
        task,
        f"Rules:\n{_numbered(rules)}",
        f"Examples:\n{_numbered(request.examples)}",
        last,
    )
    return [{"role": "user", "content": "\n\n".join(paragraphs)}]


def lines_in(reply: Reply, request: Request) -> list[str]:
    """The prompts in a reply, no more than were asked for. Raises NoAnswer, with the reason, where
    there is none.
    """
    lines = lines_of(reply.text, reply.cut)
    if not lines:
        beginning = " ".join(reply.text.split())[:SHOWN_CHARACTERS]
        raise NoAnswer(_why_none(reply), beginning)
    return lines[: request.count]


def _why_none(reply: Reply) -> str:
    if reply.cut:
        spent = "its thoughts took them all" if reply.has_thoughts else "before a list began"
        return f"{CUT}: {spent}"
    if not reply.text.strip():
        return f"{EMPTY}: nothing but thoughts" if reply.has_thoughts else EMPTY
    return f"{NO_LIST}: neither JSON nor numbered lines"


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
