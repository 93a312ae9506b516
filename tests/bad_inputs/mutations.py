"""Files that went wrong: of a good one, each value of another type, and the whole cut, empty or otherwise coded."""
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEEP = "[" * 2000 + "]" * 2000
WRONG = {
    "null": "null", "a number": "5", "a fraction": "-0.5", "a word": '"x"', "an empty text": '""',
    "a list": "[]", "a list of a number": "[5]", "an object": "{}", "an object of a list": '{"a": []}',
    "true": "true", "infinity": "1e999", "NaN": "NaN", "300 digits": "9" * 300, "9,000 digits": "9" * 9000,
    "2,000 lists": DEEP, "20,000 letters": f'"{"y" * 20_000}"', "half a character": '"\\ud800"',
    "a way out": '"../../x"', "NUL": '"a\\u0000b"'}
"""JSON that may stand where something else is meant."""
HERE = "\ue000"
"""Stands where the wrong value goes, until the rest is JSON."""


@dataclass(frozen=True)
class Damage:
    """What becomes of a file: its new bytes, a folder in its place, or nothing there at all."""

    said: str
    content: bytes | None
    is_folder: bool = False

    def of(self, path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if self.is_folder:
            path.mkdir(parents=True)
        elif self.content is not None:
            path.write_bytes(self.content)


def of_json(text: str, by_line: bool = False) -> Iterator[Damage]:
    """Every value of the first object (of the last line, where there is one a line) as each wrong one."""
    *before, last = text.strip().split("\n") if by_line else [text]
    for place in places(json.loads(last)):
        damaged = json.dumps(put(json.loads(last), place, HERE), ensure_ascii=False)
        for said, wrong in WRONG.items():
            line = damaged.replace(json.dumps(HERE, ensure_ascii=False), wrong)
            yield Damage(f"{'.'.join(map(str, place)) or 'all'} is {said}",
                         "\n".join([*before, line, ""]).encode("utf-8", "surrogatepass"))
        if place and isinstance(place[-1], str):
            yield Damage(f"{'.'.join(map(str, place))} is missing",
                         "\n".join([*before, json.dumps(put(json.loads(last), place, None)), ""]).encode())


def of_file(text: str) -> Iterator[Damage]:
    whole = text.encode()
    yield Damage("empty", b"")
    yield Damage("cut in the middle", whole[:len(whole) // 2])
    yield Damage("without its last bytes", whole.rstrip()[:-2])
    yield Damage("UTF-16", text.encode("utf-16"))
    yield Damage("no text", b"\xff\xfe\x00\x80" * 40)
    yield Damage("Latin", text.encode() + b'"caf\xe9"\n')
    yield Damage("with a mark and blank lines", b"\xef\xbb\xbf" + whole + b"\n\n")
    yield Damage("with rubbish after it", whole + b"}]\n")
    yield Damage("zeros", b"\0" * 512)
    yield Damage("nested", DEEP.encode())
    yield Damage("a folder", None, is_folder=True)
    yield Damage("gone", None)


def places(value: Any, depth: int = 3) -> Iterator[tuple[str | int, ...]]:
    """The way to every value, the whole first; of a list its first member alone."""
    yield ()
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(
        value, list) else ()
    for name, one in inner if depth else ():
        for rest in places(one, depth - 1):
            yield (name, *rest)


def put(value: Any, place: tuple[str | int, ...], wrong: Any) -> Any:
    """The value with another at that place; None takes it away."""
    if not place:
        return wrong
    *way, last = place
    inner = value
    for name in way:
        inner = inner[name]
    if wrong is None:
        del inner[last]
    else:
        inner[last] = wrong
    return value


def some(damages: list[Damage], count: int, seed: str) -> list[Damage]:
    """The same ones every time, as many as asked for, or all."""
    return damages if len(damages) <= count else random.Random(seed).sample(damages, count)
