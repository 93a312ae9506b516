"""Where a person goes on the page, and what the merge tab's sliders show."""
from playwright.sync_api import Page, expect


def open_tab(page: Page, title: str) -> None:
    tab = page.get_by_role("tab", name=title, exact=True)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")


def open_pane(page: Page, title: str) -> None:
    page.locator("#merge-views").get_by_role("tab", name=title, exact=True).click()


def expect_weights(page: Page, *weights: float) -> None:
    for number, weight in enumerate(weights):
        expect(page.locator(f"#weight-{number} input[type=number]")).to_have_value(f"{weight:g}")
