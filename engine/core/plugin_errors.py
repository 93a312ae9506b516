"""Errors in a plugin's own file, told so that whoever wrote the file finds them."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.stopping import is_out_of_memory

ROOT = Path(__file__).parents[2]


@contextmanager
def blaming(plugin: str, module: str) -> Iterator[None]:
    """What the plugin's code raises becomes an EngineError that names its file and line.

    `plugin` is how people call it, "judge redness", `module` its full name. The log gets the whole
    traceback.
    """
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        traceback.print_exc(file=sys.stderr)
        file = file_of(module)
        line = _line_in(file, error)
        place = f"{path_text(file)}, line {line}" if line else path_text(file)
        raise EngineError(
            f"The {plugin} ({place}) failed: {type(error).__name__}: {error}. Mend that file."
        ) from error


def unloadable(module: str, why: str) -> EngineError:
    """What is said of a plugin's file that cannot be used."""
    file = module.replace(".", "/") + ".py"
    return EngineError(f"{file} does not load: {why}; mend or remove it.")


def reason(module: str, error: Exception) -> str:
    """The kind of an error, the line of the plugin's file that it comes from, and what it says.

    Raises the error again where memory ran out, which is not the file's fault.
    """
    if is_out_of_memory(error):
        raise error
    line = _line_in(file_of(module), error)
    kind = type(error).__name__
    message = error.msg if isinstance(error, SyntaxError) else error
    return f"{kind}, line {line}: {message}" if line else f"{kind}: {message}"


def file_of(module: str) -> str:
    """A module's file, whether or not it can be imported; the name itself where there is none."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return module
    return spec.origin or module if spec else module


def path_text(file: str) -> str:
    """A file as sentences name it: from this project's folder on, where it lies in it."""
    path = Path(file)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else file


def _line_in(file: str, error: Exception) -> int | None:
    """The last line of the file that was on the way to the error."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    last = None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            last = frame.lineno
    return last
