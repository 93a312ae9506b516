"""Whatever goes wrong behind a button is a sentence before the person who pressed it."""
import asyncio
from html import unescape

import gradio as gr
import pytest

from app import shell
from app.listeners import QUEUED, UNQUEUED
from app.refusals import HEADING, SCRIPT, Refusal, Studio, refusal_of, sentence_of
from engine.core.errors import EngineError

BY_ITSELF = {"load", "tick"}
"""What the page does without anybody; `refresh` tells the errors of these in the page."""


def broken():
    return {}["no such key"]


def refused():
    raise EngineError("There is no <b>model</b>. Choose one.")


def test_every_listener_that_a_person_triggers_can_show_an_error(demo):
    """Gradio's page shows an error of an unqueued listener to nobody."""
    assert isinstance(demo, Studio)
    for listener in demo.fns.values():
        events = {event for _, event in listener.targets}
        if listener.fn and not (events and events <= BY_ITSELF):
            assert listener.queue, f"{listener.name} ({events}) is unqueued: give it QUEUED"


def test_what_the_page_does_by_itself_asks_no_queue(demo):
    own = [listener for listener in demo.fns.values()
           if listener.fn and {event for _, event in listener.targets} & BY_ITSELF]
    assert {listener.name for listener in own} == {"first_look", "tick"}
    assert not any(listener.queue for listener in own)
    assert QUEUED["queue"] is True and UNQUEUED["queue"] is False


@pytest.mark.parametrize("handler, words", [
    (broken, "The app itself failed here (KeyError: 'no such key'). Reload the page and try again."),
    (refused, "There is no <b>model</b>. Choose one.")])
def test_an_error_of_a_handler_becomes_a_sentence(handler, words):
    refusal = called(handler)
    assert refusal.visible and refusal.duration is None
    assert refusal.message.startswith(f"<b>{HEADING}</b><br>") and words in unescape(refusal.message)
    assert "<b>model" not in refusal.message, "what was typed is no HTML"
    assert refusal.print_exception is (handler is broken), "a bug's traceback goes to the log"


def test_a_value_that_a_component_does_not_take_is_a_sentence_too():
    with Studio() as demo:
        number, button = gr.Number(minimum=1, maximum=9), gr.Button()
        button.click(lambda number: None, number)
    refusal = call(demo, [10])
    assert refusal.message.startswith(f"<b>{HEADING}</b>") and "maximum value 9" in refusal.message


def test_the_page_takes_a_refusal_away_and_gradios_timer_does_not():
    assert Refusal("so").duration is None and SCRIPT in shell.launch_options()["head"]


def test_a_refusal_stays_as_it_is():
    refusal = Refusal("so")
    assert refusal_of(refusal) is refusal


def called(handler) -> Refusal:
    with Studio() as demo:
        gr.Button().click(handler)
    return call(demo, [])


def call(demo: Studio, inputs: list) -> Refusal:
    with pytest.raises(Refusal) as caught:
        asyncio.run(demo.process_api(block_fn=0, inputs=inputs))
    assert sentence_of(caught.value.__cause__)
    return caught.value
