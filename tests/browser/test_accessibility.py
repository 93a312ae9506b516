"""What axe says of every tab and pane, by day and by night, on a desk and on a telephone."""
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from app.tabs import TABS
from tests.browser.test_merge_panes import open_pane
from tests.browser.test_story import PATIENCE_MS, open_tab

PANES = ("Grid", "Interference", "Search", "Files")
NOT_OURS = {"image-redundant-alt"}
"""Gradio's footer: a picture of a wheel called Settings, beside the word."""
GRAVE = ("serious", "critical")
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
    page.wait_for_timeout(400)  # until what unfolds has its colours


def test_axe_finds_nothing_serious(seen: Page):
    found = []
    for place in places(seen):
        for fault in Axe().run(seen).response["violations"]:
            told = [f"{node['target']} {node['failureSummary']}" for node in fault["nodes"][:5]]
            found += [(place, fault["id"], fault["impact"], told)]
    grave = [fault for fault in found if fault[2] in GRAVE]
    lesser = [fault for fault in found if fault[2] not in GRAVE and fault[1] not in NOT_OURS]
    assert not grave and not lesser, "\n".join(map(str, grave + lesser))
