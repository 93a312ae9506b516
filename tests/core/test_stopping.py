"""A stage ends in exactly one last event, whatever happens."""
import os
import signal

import pytest

from engine.core.errors import EngineError, Stopped
from engine.core.events import LAST_KINDS, Event
from engine.core.stopping import guarded, stop_requests


def steps(error: BaseException | None = None):
    yield Event("one", 1, 2)
    if error:
        raise error
    yield Event("two", 2, 2)


@pytest.mark.parametrize("error, kind, words", [
    (None, "done", "Done"),
    (EngineError("No model called x. Choose y."), "error", "Choose y"),
    (Stopped("Stopped at step 1."), "stopped", "step 1"),
    (KeyboardInterrupt(), "stopped", "start again"),
    (MemoryError(), "error", "smaller batch"),
    (ZeroDivisionError("by zero"), "error", "ZeroDivisionError: by zero"),
])
def test_one_last_event(error, kind, words):
    *before, last = guarded(steps(error))
    assert last.kind == kind and words in last.text
    assert before and all(event.kind not in LAST_KINDS for event in before)


def test_a_stage_that_is_done_within_the_line_is_progress():
    def line():
        yield Event("prompts done", kind="done")
        yield Event("painting")
        yield Event("all done", kind="done")

    assert [event.kind for event in guarded(line())] == ["progress", "progress", "done"]


def test_a_stop_reaches_the_stage_at_its_next_event_and_lets_it_save():
    saved = []

    def stage():
        try:
            while True:
                yield Event("a step")
        except Stopped:
            saved.append("checkpoint")
            yield Event("saved a checkpoint")

    asked = iter([False, False, True, True])
    events = list(guarded(stage(), lambda: next(asked)))
    assert [event.text for event in events[:-1]] == ["a step"] * 3 + ["saved a checkpoint"]
    assert events[-1].kind == "stopped" and saved == ["checkpoint"]


def test_a_stage_that_does_not_mind_the_stop_is_stopped_all_the_same():
    assert [event.kind for event in guarded(steps(), lambda: True)] == ["progress", "stopped"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_to_stop_and_the_old_handlers_come_back(number):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_requests() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
