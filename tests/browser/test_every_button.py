"""Every button of every tab and pane, once as one should and once as one should not, as a person would see it.

A button that is added later needs a case in `press_the_line` or `press_the_merge`: the first test
names those that have none.
"""
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app.tabs.vote.ballot_view import CHOICES
from tests.browser import press_the_line, press_the_merge  # noqa: F401 - they fill the two tables
from tests.browser.buttons import BAD, GOOD, Desk, furnish, on_the_page

CANNOT_GO_WRONG = {
    "cancel", "resume",  # out of sight unless there is something to cancel or to go on with
    "leave-name", "keep-run", "undo-weights", "another-prompt", "other-noise", "suggestion",
    "for-diffusers", "for-comfy", "card",  # off until there is a file
    *(f"vote-{choice.replace(' ', '-')}" for choice in CHOICES)}
"""Those without an input that could be bad."""


@pytest.fixture(scope="module")
def desk(browser: Browser, app_url: str, runs: Path, small_world: dict[str, str], server_log: Path) -> Iterator[Desk]:
    furnish(runs, Path(small_world["SELMA_EXAMPLE"]))
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    yield Desk(page, app_url, runs)
    page.close()
    assert "Traceback" not in server_log.read_text(errors="replace")


@pytest.fixture(autouse=True)
def nobody_works(desk: Desk) -> None:
    """A case that failed leaves no job in the way of the next."""
    desk.end_jobs()


def test_every_button_has_its_cases(small_world: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SELMA_RUNS", os.devnull)
    there = list(on_the_page())
    assert len(there) == len(set(there)) and set(GOOD) == set(there)
    assert set(BAD) == set(there) - CANNOT_GO_WRONG and not set(BAD) & CANNOT_GO_WRONG


@pytest.mark.parametrize("case", dict.fromkeys([*GOOD.values(), *BAD.values()]), ids=lambda case: case.__name__)
def test_a_person_sees_what_a_button_did(desk: Desk, case):
    case(desk)
