"""The order of a snippet's values is the order in which Gradio sends a set; run in tests/browser too."""
import asyncio

import gradio as gr
import pytest

from app import scripts
from app.listeners import QUEUED, no_updates
from app.refusals import Studio


@pytest.fixture
def boxes():
    with gr.Blocks():
        return [gr.Textbox(), gr.Number(), gr.Checkbox(), gr.State()]


def test_gradio_sends_a_set_in_the_order_that_snippets_count_on(boxes):
    with gr.Blocks() as demo:
        first, second, third = gr.Textbox(), gr.Textbox(), gr.Textbox()
        third.change(lambda values: None, {third, first, second}, **QUEUED)
    listener, = demo.fns.values()
    assert listener.inputs_as_dict and listener.inputs == scripts.in_order({second, third, first})
    assert scripts.in_order({third, first}) == [first, third]


def test_a_value_is_read_from_the_page_in_its_place(boxes):
    first, second, third, _ = boxes
    snippet = scripts.reading({third, first, second}, {second: "page()"})
    assert snippet == "(...values) => { values[1] = page(); return values; }"


def test_a_function_gets_its_arguments_in_its_own_order(boxes):
    first, second, third, _ = boxes
    snippet = scripts.call("f", {first, second, third}, [third, first, second])
    assert snippet == "(...values) => (f)(...[2, 0, 1].map(place => values[place]))"


def test_what_is_no_input_is_a_mistake_of_ours(boxes):
    with pytest.raises(ValueError):
        scripts.reading(set(boxes[:2]), {boxes[-1]: "page()"})


def answers(answer):
    with Studio() as demo:
        one, other = gr.Textbox("1"), gr.Textbox("2")
        gr.Button().click(lambda: answer, None, [one, other])
    return asyncio.run(demo.process_api(block_fn=0, inputs=[]))["data"]


def test_gradio_misses_values_in_an_empty_answer():
    """Why handlers that change nothing answer with `no_updates`."""
    assert answers(no_updates()) == [gr.skip(), gr.skip()]
    with pytest.raises(gr.Error, match="enough output values"):
        answers({})
