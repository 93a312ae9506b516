"""Undo on the merge tab: a step for a gesture, by mouse, by key, typed, from a preset or a grid."""
import json

import pytest
from playwright.sync_api import Page, expect

from app.tabs.merge import undo_steps
from tests.browser.buttons import PATIENCE_MS
from tests.browser.places import expect_weights, open_pane

LONGER_MS = undo_steps.PAUSE_MS + 400
CONTROL = """([source, ...calls]) => {
  const listener = eval(source), real = Date.now;
  let way = calls.shift();
  for (const [at, now] of calls) { Date.now = () => at; way = listener(way, ...now) ?? way; }
  Date.now = real;
  return JSON.parse(way).map(step => step.now);
}"""
"""Call a listener of every change at these times of a clock of its own."""


def way_of(page: Page) -> list[list]:
    written = page.locator("#way-back").locator("textarea, input").first.input_value()
    return [step["now"] for step in json.loads(written or "[]")]


@pytest.mark.slow  # gestures are told apart by time, so it wants a machine that does nothing else
def test_undo_walks_back_through_every_gesture(merge: Page):
    drag(merge, 0)
    dragged = merge.locator("#weight-0 input[type=number]").input_value()
    assert float(dragged) < 1
    press_twice(merge, 1)
    type_into(merge, 2, "0.333")
    expect_stands(merge, [dragged, "0.9", "0.333"])
    choose_preset(merge, "SELMA as released")
    for weights in ([dragged, "0.9", "0.333"], [dragged, "0.9", "1"], [dragged, "0.95", "1"],
                    [dragged, "1", "1"], ["1", "1", "1"], ["1", "1", "1"]):
        merge.locator("#undo-weights").click()
        expect_stands(merge, weights)
    expect(merge.locator("#preset input")).to_have_value("")


def test_a_cell_that_is_taken_and_a_key_after_it_are_two_steps(merge: Page):
    open_pane(merge, "Grid")
    for axis in "xy":
        merge.locator(f"#grid-{axis}-values").locator("input, textarea").first.fill("0, 0.5")
    merge.locator("#paint-grid").click()
    expect(merge.locator("#grid [data-cell] img")).to_have_count(4, timeout=PATIENCE_MS)
    merge.locator("#grid [data-cell]").nth(3).click()
    expect_weights(merge, 0.5, 0.5)
    expect_steps(merge, 2)
    expect(merge.locator("#merge-pair .pair")).to_be_visible(timeout=PATIENCE_MS)
    merge.locator("#weight-0 input[type=range]").focus()
    merge.keyboard.press("ArrowRight")
    expect_weights(merge, 0.55, 0.5)
    expect_steps(merge, 3)
    merge.locator("#undo-weights").click()
    expect_weights(merge, 0.5, 0.5)
    merge.locator("#undo-weights").click()
    expect_weights(merge, 1, 1, 1)


def test_three_quick_presses_of_undo_are_three_steps(merge: Page):
    for number in range(3):
        type_into(merge, number, "0.2")
        expect_steps(merge, number + 2)  # nobody types into two boxes within milliseconds
    merge.locator("#undo-weights").click(click_count=3)
    expect_stands(merge, ["1", "1", "1"])


def test_a_number_beyond_the_ends_is_painted_and_kept_as_the_page_has_it(merge: Page):
    type_into(merge, 0, "25")
    expect_stands(merge, ["2"])
    expect_steps(merge, 2)
    assert way_of(merge)[-1][0] == 2
    expect(merge.locator(".toast-body.error")).to_have_count(0)
    merge.locator("#undo-weights").click()
    expect_stands(merge, ["1"])


@pytest.mark.parametrize(("moves", "left"), [
    pytest.param([(5000, [0.9, 1]), (5100, [0.8, 1]), (5800, [0.7, 1])], [[1, 1], [0.7, 1]],
                 id="a key that is held"),
    pytest.param([(5000, [0.9, 1]), (6000, [0.8, 1])], [[1, 1], [0.9, 1], [0.8, 1]],
                 id="two presses"),
    pytest.param([(5000, [0.9, 1]), (5001, [0.9, 0.5])], [[1, 1], [0.9, 1], [0.9, 0.5]],
                 id="two controls"),
    pytest.param([(5000, [0.9, 1]), (5100, [1, 1])], [[1, 1]], id="there and back"),
    pytest.param([(5000, [0.9, 1]), (5100, [0.9, 1])], [[1, 1], [0.9, 1]], id="the same again"),
    pytest.param([(5000, [0.2, 0.2]), (5001, [0.3, 0.3])],
                 [[1, 1], [0.2, 0.2], [0.3, 0.3]], id="two presets"),
    pytest.param([(5000, [None, 1]), (5100, [0.5, 1])], [[1, 1], [0.5, 1]], id="an emptied box"),
    pytest.param([(n * 1000 + 5000, [n, 1]) for n in range(2, 70)],
                 [[n, 1] for n in range(20, 70)], id="many")])
def test_what_is_one_gesture(page: Page, moves, left):
    begun = page.evaluate(f"({undo_steps.START})(1, 1)")
    assert page.evaluate(CONTROL, [undo_steps.step([]), begun, *moves]) == left


def test_letting_go_ends_a_gesture_and_undo_goes_on_from_there(page: Page):
    begun = page.evaluate(f"({undo_steps.START})(1, 1)")
    def step(way, *now):
        return page.evaluate(f"([way, now]) => ({undo_steps.step([])})(way, ...now)", [way, now])
    once = step(begun, 0.9, 1)
    ended = page.evaluate(f"({undo_steps.END})({json.dumps(once)})")
    twice = step(ended, 0.8, 1)
    assert stood(twice) == [0.8, 1]
    back = page.evaluate(f"({undo_steps.BACK})({json.dumps(twice)})")
    assert stood(back) == [0.9, 1] and stood(step(back, 0.7, 1)) == [0.7, 1]
    again = page.evaluate(f"({undo_steps.BACK})({json.dumps(back)})")
    assert stood(again) == [1, 1]
    last = page.evaluate(f"({undo_steps.BACK})({json.dumps(again)})")
    assert stood(last) == [1, 1], "there is nothing before it"
    assert stood("") == []


def stood(way: str) -> list[float]:
    """Where two controls stood at the end of a way."""
    return list(undo_steps.last_stand(way, ["one", "other"]).values())


def drag(page: Page, number: int) -> None:
    """By mouse, slower than the pause, and yet one gesture."""
    box = page.locator(f"#weight-{number} input[type=range]").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 2 / 3, y)
    page.mouse.down()
    for share in (0.6, 0.5):
        page.mouse.move(box["x"] + box["width"] * share, y, steps=3)
        page.wait_for_timeout(LONGER_MS)
    page.mouse.up()


def press_twice(page: Page, number: int) -> None:
    """By key, a pause apart: two gestures."""
    page.locator(f"#weight-{number} input[type=range]").focus()
    for value in ("0.95", "0.9"):
        page.keyboard.press("ArrowLeft")
        expect(page.locator(f"#weight-{number} input[type=number]")).to_have_value(value)
        page.wait_for_timeout(LONGER_MS)


def type_into(page: Page, number: int, text: str) -> None:
    box = page.locator(f"#weight-{number} input[type=number]")
    box.click()
    box.fill(text)
    box.press("Tab")


def choose_preset(page: Page, name: str) -> None:
    page.locator("#preset input").click()
    page.get_by_role("option", name=name).click()
    expect(page.locator("#weight-2 input[type=number]")).not_to_have_value("0.333")
    expect_steps(page, 6)


def expect_steps(page: Page, count: int) -> None:
    """As many places to go back to, where everything began among them."""
    page.wait_for_function("""count => {
      const box = document.querySelector('#way-back').querySelector('textarea, input');
      return JSON.parse(box.value || '[]').length === count;
    }""", arg=count)


def expect_stands(page: Page, weights: list[str]) -> None:
    for number, weight in enumerate(weights):
        expect(page.locator(f"#weight-{number} input[type=number]")).to_have_value(weight)
