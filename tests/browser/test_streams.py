"""A press while the stream of answers ends is answered, too."""
from collections.abc import Iterator

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect

from app import streams

SLOW_STREAM = """
(() => {
  const fetched = window.fetch
  window.fetch = async (...request) => {
    const answer = await fetched(...request)
    if (!answer.url.includes("/queue/data")) return answer
    const late = new TransformStream({ transform: async (piece, out) => {
      await new Promise(done => setTimeout(done, 400))
      out.enqueue(piece)
    } })
    return new Response(answer.body.pipeThrough(late), { headers: answer.headers })
  }
})()
"""
"""A page that reads every piece of the stream late, as a busy one does."""


@pytest.fixture
def counter(request, browser: Browser) -> Iterator[Page]:
    """Two buttons whose answers are counted, with a script in the page's head."""
    with gr.Blocks() as demo:
        for name in ("first", "second"):
            pressed = gr.Number(0, elem_id=f"{name}-count")
            gr.Button(name, elem_id=name).click(lambda count: count + 1, pressed, pressed)
    demo.launch(head=request.param, prevent_thread_lock=True, quiet=True)
    page = browser.new_page()
    page.add_init_script(SLOW_STREAM)
    page.goto(demo.local_url)
    yield page
    page.close()
    demo.close()


def press_while_the_stream_ends(page: Page) -> None:
    page.locator("#first").click()
    page.wait_for_timeout(300)
    page.locator("#second").click()


@pytest.mark.parametrize("counter", [streams.SCRIPT], ids=["script"], indirect=True)
def test_a_press_while_the_stream_ends_is_answered(counter: Page):
    for number in range(1, 6):
        press_while_the_stream_ends(counter)
        for name in ("first", "second"):
            expect(counter.locator(f"#{name}-count input")).to_have_value(str(number), timeout=8_000)


@pytest.mark.parametrize("counter", [""], ids=["alone"], indirect=True)
def test_the_script_is_still_needed(counter: Page):
    """The day that this fails Gradio answers by itself, and the script can go."""
    press_while_the_stream_ends(counter)
    expect(counter.locator("#first-count input")).to_have_value("1")
    counter.wait_for_timeout(3_000)
    expect(counter.locator("#second-count input")).to_have_value("0")
