"""A page stays on its tab and its run, whatever others start, over reloads and over a restart of the server."""
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.core.store import write_text
from tests.browser.conftest import free_port, serving
from tests.browser.places import open_tab


@pytest.fixture
def voting(page: Page) -> Page:
    open_tab(page, "Vote")
    expect(page.locator("#vote-pair .progress")).to_contain_text("Pair 1 of")
    return page


def expect_voting(page: Page) -> None:
    expect(page.locator("#run input")).to_have_value("example")
    expect(page.get_by_role("tab", name="Vote", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#vote-pair .progress")).to_contain_text("Pair 1 of")


def test_a_tab_opened_while_the_page_is_being_made_stays_open(page: Page, app_url: str):
    """Gradio reports the first tab late, after the click."""
    for tab, told in [("Vote", "#vote-pair .progress"), ("Evaluate", "#ranking .best"), ("Images", "#gallery")] * 2:
        page.goto(app_url)
        open_tab(page, tab)
        expect(page).to_have_url(re.compile(f"tab={tab.lower()}"))
        page.reload()
        expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
        expect(page.locator(told)).to_be_visible()
        for shown in (f"tab={tab.lower()}", "run=example"):
            expect(page).to_have_url(re.compile(f"[?&]{shown}(&|$)"))


def test_somebody_elses_job_moves_nobody(voting: Page, app_url: str):
    stranger = voting.context.new_page()
    stranger.goto(app_url)
    stranger.locator("#whole-line").click()
    expect(stranger.locator("#run input")).to_have_value(re.compile(r"miniature-\d"))
    voting.reload()
    expect_voting(voting)
    stranger.reload()
    expect(stranger.locator("#run input")).to_have_value(re.compile(r"miniature-\d"))
    stranger.locator("#cancel").click()
    expect(stranger.locator("#cancel")).to_be_hidden(timeout=60_000)


def test_a_restart_of_the_server_moves_nobody(browser: Browser, tmp_path: Path, small_world: dict[str, str]):
    port, runs, log = free_port(), tmp_path / "runs", tmp_path / "log.txt"
    page = browser.new_page()
    with serving("app.py", runs, log, small_world, port) as url:
        page.goto(url)
        open_tab(page, "Vote")
        expect_voting(page)
    write_text(runs / "newest" / "prompts" / "places.jsonl", "")  # which a fresh page would show
    with serving("app.py", runs, log, small_world, port) as url:
        reloaded = page.wait_for_event("load", timeout=60_000)  # by itself, once the server is back
        assert reloaded
        expect_voting(page)
        fresh = browser.new_page()
        fresh.goto(url)
        expect(fresh.locator("#run input")).to_have_value("newest")
        fresh.close()
    page.close()


def test_a_run_that_is_gone_falls_back_to_the_first_look(page: Page, app_url: str, runs: Path):
    write_text(runs / "zz" / "recipe.toml", "")
    page.goto(f"{app_url}?run=zz&tab=merge&__theme=light")
    expect(page.locator("#run input")).to_have_value("zz")
    expect(page.get_by_role("tab", name="Merge", exact=True)).to_have_attribute("aria-selected", "true")
    (runs / "zz" / "recipe.toml").unlink()
    (runs / "zz").rmdir()
    page.goto(f"{app_url}?run=zz&tab=nowhere&__theme=light")
    expect(page.locator("#run input")).not_to_have_value("zz")
    expect(page.locator("#run input")).to_have_value(re.compile(r"\w+"))
    assert "__theme=light" in page.url
