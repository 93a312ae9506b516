"""Files of prompts, as the stage writes them and as people bring them.

What is plain is read, all else is refused, and the line is named.

An object per line (JSON Lines) with `text`, or `prompt` or `caption` for it; a JSON list of such
objects or of texts, or an object that holds one; CSV and TSV with such a column; a prompt per line.
`id` and `skill` may be missing, and blank lines may stand anywhere.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.core.prompt_entries import Unclear, entries, text_key
from engine.core.text_encodings import NotText, decode
from engine.core.types import Prompt

_HALF = re.compile("[\ud800-\udfff]")


def read(path: Path) -> list[Prompt]:
    """The prompts of a file, none where there is no file.

    One that names no skill is of the skill that the file names.

    Raises EngineError, naming the place and what is wanted there, for what cannot be understood.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise EngineError(
            f"{path} cannot be read ({error.strerror}). Put a file of prompts there."
        ) from error
    prompts, taken_ids = [], Counter[str]()
    try:
        for where, entry in entries(decode(data), path.suffix.lower()):
            prompt = _prompt(where, entry, path.stem)
            if not prompt.id:
                prompt = _with_id(prompt, taken_ids)
            prompts.append(prompt)
    except (NotText, Unclear) as error:
        raise EngineError(f"{path}{error}") from error
    return prompts


def _prompt(where: str, entry: Any, skill: str) -> Prompt:
    """Of a text, or of an object with one; the id is "" where it has none. Raises Unclear."""
    values = {"text": entry} if isinstance(entry, str) else entry
    if not isinstance(values, Mapping):
        raise Unclear(
            f"{where} is {_short(entry)}, no prompt. "
            "Write a text in quotes, or an object with a text."
        )
    key = text_key(values)
    if not key:
        only = ", ".join(map(str, values)) or "nothing"
        raise Unclear(f'{where} has no text, only {only}. Give it a "text".')
    text = values[key]
    if not isinstance(text, str) or not text.strip() or not _can_be_written(text):
        raise Unclear(
            f"{where} has {_short(text)} for its {key}. Write the prompt there, in quotes."
        )
    rest = {str(name).strip().lower(): value for name, value in values.items()}
    return Prompt(
        _name(where, "id", rest),
        _name(where, "skill", rest) or skill,
        text,
        _name(where, "writer", rest),
        _novelty(where, rest),
    )


def _with_id(prompt: Prompt, taken: Counter[str]) -> Prompt:
    """With an id made of its text, as the prompts stage makes one; the same text twice gets two."""
    digest = hashlib.sha256(prompt.text.encode()).hexdigest()
    prompt_id = f"{prompt.skill}-{digest[:10]}"
    taken[prompt_id] += 1
    times = taken[prompt_id]
    return replace(prompt, id=prompt_id if times == 1 else f"{prompt_id}-{times}")


def _name(where: str, key: str, values: Mapping[str, Any]) -> str:
    value = values.get(key)
    if value is None:
        return ""
    is_name = isinstance(value, str | int) and not isinstance(value, bool)
    if not is_name or not _can_be_written(str(value)):
        raise Unclear(
            f"{where} has {_short(value)} for its {key}. Write a name in quotes, or leave it out."
        )
    return str(value)


def _novelty(where: str, values: Mapping[str, Any]) -> float:
    value = values.get("novelty", 1.0)
    try:
        novelty = float(value)
    except (TypeError, ValueError, OverflowError):
        novelty = -1.0
    if isinstance(value, bool) or not 0 <= novelty <= 1:
        raise Unclear(
            f"{where} has {_short(value)} for its novelty. "
            "Write a number from 0 to 1, or leave it out."
        )
    return novelty


def _can_be_written(text: str) -> bool:
    """Whether it is whole Unicode: JSON can hold half a character."""
    return not _HALF.search(text)


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
