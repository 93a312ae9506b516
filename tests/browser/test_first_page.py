"""What a newcomer sees first."""
import pytest
from playwright.sync_api import Page, expect

from app import shell

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


def rgb(css: str) -> list[float]:
    return [float(part) for part in css[css.index("(") + 1:-1].split(",")[:3]]


def contrast(one: list[float], other: list[float]) -> float:
    """Ratio of relative luminances, [WCAG 2](https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (c / 255 for c in colour)]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
