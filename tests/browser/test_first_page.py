"""What a newcomer sees first."""
import pytest
from playwright.sync_api import Page, expect

from app import shell
from tests.browser.colours import contrast, rgb

WIDTHS_PIXELS = (1280, 768, 390)
COLOURS = """selector => [getComputedStyle(document.querySelector(selector)).color,
                          getComputedStyle(document.body).backgroundColor]"""


def test_it_says_what_it_is_at_any_width(page: Page):
    expect(page).to_have_title(shell.NAME)
    expect(page.locator("h1")).to_have_text(shell.NAME)
    assert page.locator(".pipeline b").all_inner_texts() == list(shell.PIPELINE)
    for width_pixels in WIDTHS_PIXELS:
        page.set_viewport_size({"width": width_pixels, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width_pixels


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_header_can_be_read(page: Page, scheme: str):
    """A contrast of at least 4.5 against the page (WCAG AA), by day and by night."""
    page.emulate_media(color_scheme=scheme)
    page.reload()
    page.wait_for_selector("#header h1")
    for selector in ("#header h1", "#header p", ".pipeline b", ".pipeline span"):
        ink, paper = page.evaluate(COLOURS, selector)
        assert contrast(rgb(ink), rgb(paper)) >= 4.5, f"{selector}: {ink} on {paper}"
