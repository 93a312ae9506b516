"""What an artifact was made from: the options that decide it, the versions, the hashes of its
parents.
"""

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "diffusers", "transformers", "safetensors", "numpy", "pillow", "rapidfuzz")


def versions() -> dict[str, str]:
    """The installed libraries that decide numbers, without importing them."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def derived_seed(*parts: object) -> int:
    """A 32-bit seed from a seed and what it is for; the same parts give the same seed on every
    machine.

    32 bits, because torch's CPU generator uses no more and JavaScript keeps no more than 53.
    """
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:4], "big")


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What changed, for people: "guidance 3.5 -> 5.0, steps 20 -> 50"; "" when nothing did.

    A missing option, None and "" are the same, so that a new option does not void what was made
    before it; where `new` is an `Identity`, a missing option is what that says.
    """
    unheard = getattr(new, "unheard", {})
    old, new = {**unheard, **old}, {**unheard, **new}
    names = sorted(name for name in {*old, *new} if _given(old.get(name)) != _given(new.get(name)))
    return ", ".join(f"{name} {_short(old.get(name))} -> {_short(new.get(name))}" for name in names)


def _short(value: Any) -> str:
    text = "nothing" if value is None or value == "" else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _given(value: Any) -> Any:
    return None if value == "" else value
