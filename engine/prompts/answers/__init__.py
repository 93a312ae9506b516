"""The prompts in a language model's answer, told by its shape: a list after the thoughts. Anything
else is nothing.

A JSON list, of texts or of objects with one prompt each, whole or cut short; else a numbered or a
bulleted list. What a model says around its list, and what it thinks before, is no prompt, and no
list is better than chatter.
"""

import re

from engine.prompts.answers import json_lists, plain_lists

_THINKING = (
    r"(?:think|thinking|thoughts?|reason|reasoning|analysis|reflection|scratch_?pad|"
    r"inner_monologue)"
)
_TAGS = re.compile(
    rf"""(?P<opens><\ ?\|?\ ?(?:\w+:|begin_of_|start_of_)?{_THINKING}\b[^<>/]{{0,60}}>
    |\[THINK\]|\u25c1think\u25b7|<unused94>
    |<\|channel\|>\ ?(?:analysis|commentary)[^<]*<\|message\|>
    |\Aanalysis(?=[A-Z])|^[*\#]{0, 3}\ ?Here\ is\ my\ thought\ process:|\AThinking\.\.\.)
    |(?P<closes><\ ?\|?\ ?(?:/\ ?(?:\w+:)?|end_of_){_THINKING}\b[^<>]{{0,60}}>
    |\[/THINK\]|\u25c1/think\u25b7|<unused95>
    |<\|channel\|>\ ?final[^<]*<\|message\|>
    |assistantfinal|^[*\#]{0, 3}\ ?Here\ is\ my\ response:|^\.\.\.done\ thinking\.)""",
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
"""How models mark thoughts: <think> and its like, Mistral's [THINK], Kimi's, Gemma's, Granite's,
gpt-oss's channels.
"""
_FENCE = re.compile(r"(?:```+|~~~+)[\w-]*")
_LABEL = re.compile(r"\(?(\d{1,3})[.):]\s+(?=\S)")


def lines_of(answer: str, cut: bool = False) -> list[str]:
    """The prompts of an answer, none where it holds no list.

    `cut` says that the answer ended because it had its longest length.
    """
    text = _FENCE.sub("\n", without_thoughts(answer))
    lines = json_lists.lines_of(text) or plain_lists.lines_of(text, cut)
    if len(lines) == 1 and "\n" in lines[0]:
        lines = plain_lists.lines_of(lines[0]) or lines
    bare = map(plain_lists.bare, _unnumbered(lines))
    return list(filter(_is_prompt, bare))


def _is_prompt(line: str) -> bool:
    """Whether there is a word, and no colon that leads over to something else."""
    has_word = re.search(r"\w", line) is not None
    return has_word and not line.endswith(":")


def without_thoughts(answer: str) -> str:
    """What follows the last end of a thought, up to the next beginning of one."""
    text = answer.replace("&lt;", "<").replace("&gt;", ">")
    start, end = 0, len(text)
    for tag in _TAGS.finditer(text):
        if tag["closes"]:
            start, end = tag.end(), len(text)
        else:
            end = min(end, tag.start())
    return text[start:end]


def _unnumbered(lines: list[str]) -> list[str]:
    """Without the numbers that a list's texts begin with, where they count from first to last."""
    texts: list[str] = []
    numbers: list[int] = []
    for line in lines:
        label = _LABEL.match(line)
        if not label:
            return lines
        texts.append(line[label.end() :])
        numbers.append(int(label[1]))
    if not numbers:
        return lines
    first = numbers[0]
    return texts if numbers == list(range(first, first + len(lines))) else lines
