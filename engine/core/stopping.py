"""Run a stage so that it ends in exactly one last event, whatever happens."""

import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

from engine.core.errors import EngineError, Stopped
from engine.core.events import LAST_KINDS, Event

Events = Generator[Event, None, None]
STOPPED = "Stopped. What was finished is kept; start again to go on from here."


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Count Ctrl-C and SIGTERM as a request to stop; the caller asks whether one has come.

    The first is only noted, so that the stage ends at its next event with everything saved. A
    second Ctrl-C interrupts at once.
    """
    requests = []

    def note(number: int, frame: FrameType | None) -> None:
        requests.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(requests)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def guarded(stage: Events, must_stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """The stage's events as progress, then exactly one last event.

    A last event followed by others (a stage of the whole line is done, the next begins) passes as
    progress.
    """
    last: Event | None = None
    try:
        for event in _stoppable(stage, must_stop):
            if last:
                yield replace(last, kind="progress")
            last = event if event.kind in LAST_KINDS else None
            if not last:
                yield event
        yield last or Event("Done.", kind="done")
    except (Stopped, KeyboardInterrupt) as stop:
        yield Event(str(stop) or STOPPED, kind="stopped")
    except EngineError as error:
        yield Event(str(error), kind="error")
    except Exception as error:
        if is_out_of_memory(error):
            yield Event(
                "The memory is full. Close other programs or choose a smaller batch.", kind="error"
            )
            return
        # a bug of ours: the reader gets a sentence, the log the whole report
        traceback.print_exc(file=sys.stderr)
        yield Event(
            f"This failed unexpectedly ({type(error).__name__}: {error}). "
            "Please report it with the log; what was finished is kept.",
            kind="error",
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Python's own, or torch's, which is known by its name where torch is not imported."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _stoppable(stage: Events, must_stop: Callable[[], bool]) -> Events:
    """Throw `Stopped` into the stage once, at the event after a request: there it can save."""
    thrown, event = False, None
    try:
        event = next(stage)
        while True:
            yield event
            if must_stop() and not thrown:
                thrown = True
                event = stage.throw(Stopped(STOPPED))
            else:
                event = next(stage)
    except StopIteration:
        if thrown and (event is None or event.kind not in LAST_KINDS):
            raise Stopped(STOPPED) from None
