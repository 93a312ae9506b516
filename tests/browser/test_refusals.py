"""A refusal before a reader's eyes: it stays until it is read, and goes with what is done next."""
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from app.refusals import HEADING, LEAST_SECONDS
from tests.browser.places import open_tab


@pytest.fixture
def toast(page: Page, app_url: str, runs: Path) -> Locator:
    """The refusal to paint without prompts."""
    (runs / "mine" / "prompts").mkdir(parents=True, exist_ok=True)
    page.goto(f"{app_url}?run=mine&tab=images")
    expect(page.locator("#rename")).to_be_visible()
    toast = page.get_by_test_id("toast-body")
    refuse(page, toast)
    return toast


def refuse(page: Page, toast: Locator) -> None:
    page.locator("#paint-pictures").click()
    expect(toast).to_contain_text(HEADING)


def test_a_refusal_goes_with_the_next_press_and_stays_while_somebody_looks_around(page: Page, toast: Locator):
    open_tab(page, "Prompts")
    page.get_by_role("button", name="Settings").locator("visible=true").first.click()
    expect(toast).to_be_visible()
    open_tab(page, "Images")
    refuse(page, toast)
    expect(page.get_by_test_id("toast-text")).to_have_count(1)
    page.locator("#rename").click()
    expect(toast).to_have_count(0)
    expect(page.locator("#new-name input, #new-name textarea").first).to_have_value("mine")


def test_a_refusal_goes_when_it_was_read_and_not_from_under_a_hand(page: Page, toast: Locator):
    page.locator("#rename").click()
    expect(toast).to_have_count(0)
    page.clock.install()
    refuse(page, toast)
    page.clock.fast_forward(1000 * (LEAST_SECONDS - 4))
    expect(toast).to_be_visible()
    toast.hover()
    page.clock.fast_forward(60_000)
    expect(toast).to_be_visible()
    page.mouse.move(0, 0)
    page.clock.fast_forward(60_000)
    expect(toast).to_have_count(0)
