"""What experts, merges, grids and searches may be called: it becomes a folder, and an arm of evaluations."""
import re

from engine.core.errors import EngineError

NAME = re.compile(r"[^\W_][\w.+-]*")


def check(name: str, what: str) -> str:
    """The name itself. Raises EngineError for one that could lead out of its folder or that later stages refuse."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise EngineError(f"{name!r} cannot be the name of {what}. Use letters, digits and dashes.")
    return name
