"""The snippets that listeners run in the page, in a real one."""
from collections.abc import Iterator

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page

from app import scripts
from app.tabs.merge import undo_steps


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def run(page: Page, snippet: str, values: list) -> object:
    return page.evaluate(f"values => ({snippet})(...values)", values)


def test_what_is_read_from_the_page_takes_the_place_of_what_was_sent(blank: Page):
    with gr.Blocks():
        first, second, third = gr.Textbox(), gr.Textbox(), gr.Textbox()
    snippet = scripts.reading({third, second, first}, {second: "document.nodeName"})
    assert run(blank, snippet, ["a", "b", "c"]) == ["a", "#document", "c"]


def test_a_function_is_called_with_what_it_wants_in_its_order(blank: Page):
    with gr.Blocks():
        first, second, third = gr.Textbox(), gr.Textbox(), gr.Textbox()
    snippet = scripts.call("(...them) => them.join('')", {first, second, third}, [third, first])
    assert run(blank, snippet, ["a", "b", "c"]) == "ca"


def test_sliders_are_held_within_the_ends_that_the_page_says(blank: Page):
    blank.set_content("<div id=wide><input type=range min=-1 max=5 value=4></div>")
    with gr.Blocks():
        text, wide = gr.Textbox(), gr.Slider(-1, 2, elem_id="wide")
        out_of_sight = gr.Slider(0, 1, elem_id="out-of-sight")
    snippet = undo_steps.in_range({out_of_sight, wide, text})
    assert run(blank, snippet, ["25", 25, 0.5]) == ["25", 5, 0.5]
    assert run(blank, snippet, ["", None, None]) == ["", 4, 0], "a box that is being typed in"
