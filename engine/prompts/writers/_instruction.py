"""What an instruct model is told (task, rules, numbered examples), and how its JSON list is read."""
import json
import re

from engine.models.llm import Messages
from engine.prompts.writers import Request

_FENCE = re.compile(r"^```\w*$", re.MULTILINE)
_THINKING = re.compile(r"<think>.*?</think>", re.DOTALL)
_LABEL = re.compile(r"^\s*(?:\d+\s*[.):]|[-*\u2022])\s*")
"""`12.`, `12)`, `-`: how a list numbers its lines."""


def messages(request: Request) -> Messages:
    """The conversation that asks for a request's lines, after SELMA's: one task sentence, rules, examples."""
    skill = request.skill
    rules = [f"Each has at least {skill.least_words} and at most {skill.most_words} words.",
             "Name things that can be seen in a picture: no abstract ideas, no text to be written in it.",
             "Vary the things, their attributes and the sentences, and repeat none of the examples."]
    if skill.most_count:
        rules.insert(0, f"Never ask for more than {skill.most_count} of the same thing.")
    task = (f"You write prompts for a text-to-image model that is to learn \u201c{skill.title}\u201d. "
            f"Write {request.count} new ones. {skill.instruction}")
    last = f"Answer with a JSON list of {request.count} strings and nothing else."
    parts = [task, "", "Rules:", *_numbered(rules), "", "Examples:", *_numbered(request.examples), "", last]
    return [{"role": "user", "content": "\n".join(parts)}]


def lines_of(answer: str) -> list[str]:
    """The prompts in an answer: a JSON list if there is one, whole or cut short; otherwise a line each."""
    text = _FENCE.sub("", _THINKING.sub("", answer)).strip()
    start = text.find("[")
    if start >= 0:
        found = _json_strings(text[start:])
        if found:
            return found
    lines = (_LABEL.sub("", line).strip().strip("\"',") for line in text.splitlines())
    return [line for line in lines if re.search(r"\w", line) and not line.endswith(":")]


def _json_strings(text: str) -> list[str]:
    """Every string of a JSON list, also of one cut short, also of {"prompt": "..."} objects in it."""
    decoder = json.JSONDecoder(strict=False)
    found, at = [], 1
    while match := re.compile(r'["{]').search(text, at):
        try:
            value, at = decoder.raw_decode(text, match.start())
        except json.JSONDecodeError:
            break
        values = value.values() if isinstance(value, dict) else [value]
        found += [v for v in values if isinstance(v, str)]
    return found


def _numbered(lines: list[str] | tuple[str, ...]) -> list[str]:
    return [f"{number}. {line}" for number, line in enumerate(lines, 1)]
