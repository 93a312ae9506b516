"""What axe says of every tab and pane, by day and by night, on a desk and on a telephone."""
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from app.tabs import TABS
from tests.browser.buttons import PATIENCE_MS
from tests.browser.places import open_pane, open_tab

PANES = ("Grid", "Interference", "Search", "Files")
NOT_OURS = {"image-redundant-alt"}
"""Gradio's footer: a picture of a wheel called Settings, beside the word."""
TRIES = 6
MANY_STOPS = 24
RING = """() => {
  const at = document.activeElement, look = getComputedStyle(at);
  const kind = at.tagName === 'INPUT' ? at.type : at.tagName;
  return [kind, look.outlineStyle, parseFloat(look.outlineWidth)];
}"""
SIZES = {"desk": (1280, 900), "telephone": (390, 844)}


@pytest.fixture(params=["light", "dark"])
def scheme(request, page: Page) -> str:
    page.emulate_media(color_scheme=request.param)
    return request.param


@pytest.fixture(params=SIZES)
def seen(request, page: Page, scheme: str) -> Page:
    width, height = SIZES[request.param]
    page.set_viewport_size({"width": width, "height": height})
    page.reload()
    expect(page.locator(".stations .done")).to_have_count(5)
    return page


def places(page: Page) -> Iterator[str]:
    """Every tab and pane in turn, whatever can be unfolded unfolded."""
    for name in TABS:
        open_tab(page, name.capitalize())
        if name == "merge":
            expect(page.locator("#merge-pair .pair")).to_be_visible(timeout=PATIENCE_MS)
        unfold(page)
        yield name
        for pane in PANES if name == "merge" else ():
            open_pane(page, pane)
            unfold(page)
            yield pane


def unfold(page: Page) -> None:
    for button in page.locator("button.label-wrap:not(.open):visible").all():
        button.click()


def faults(page: Page) -> list[str]:
    """What axe finds and goes on finding: while something loads or fades in, it has other colours."""
    found: list[str] = []
    for _ in range(TRIES):
        found = [f"{fault['impact']} {fault['id']}: {node['target']} {node['failureSummary']}"
                 for fault in Axe().run(page).response["violations"] if fault["id"] not in NOT_OURS
                 for node in fault["nodes"][:5]]
        if not found:
            break
        page.wait_for_timeout(1000)
    return found


@pytest.mark.slow
def test_axe_finds_nothing_on_any_tab_or_pane(seen: Page):
    """Not even what is not serious."""
    found = {place: told for place in places(seen) if (told := faults(seen))}
    assert not found, "\n".join(f"{place}: {line}" for place, told in found.items() for line in told)


def test_whoever_comes_by_keyboard_sees_where_they_are(page: Page):
    """A ring of at least two pixels round everything that the Tab key reaches at first."""
    expect(page.locator(".stations .done")).to_have_count(5)
    open_tab(page, "Merge")
    expect(page.locator("#merge-pair .pair")).to_be_visible(timeout=PATIENCE_MS)
    reached = []
    for _ in range(MANY_STOPS):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(RING))
    kinds = {kind for kind, *_ in reached}
    assert {"number", "range", "BUTTON", "TEXTAREA"} <= kinds
    assert not [stop for stop in reached if stop[1] == "none" or stop[2] < 2]
