"""What a person does with the page, and what he would see; and which buttons there are to press."""
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns

import gradio as gr
from playwright.sync_api import Locator, Page, expect

from app import shell
from app.refusals import HEADING
from engine import jobs
from engine.core.store import Store, write_json, write_text

PATIENCE_MS = 120_000
"""The first picture waits for torch; a job for a process of its own."""
SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
TITLES = {"prompts": "Prompts", "images": "Images", "experts": "Experts", "merge": "Merge", "evaluate": "Evaluate",
          "vote": "Vote"}
LEARNS = """
model = "MODEL"
skills = ["counting"]
[images]
steps = 2
[experts]
experts = { counting = ["counting"] }
rank = 2
steps = 2
batch_size = 2
samples = 1
sample_every = 2
sample_steps = 2
"""
Case = Callable[["Desk"], None]
GOOD: dict[str, Case] = {}
BAD: dict[str, Case] = {}


def good(*buttons: str) -> Callable[[Case], Case]:
    """A case that presses these buttons as one should."""
    return _registered(GOOD, buttons)


def bad(*buttons: str) -> Callable[[Case], Case]:
    """A case that presses them as one should not."""
    return _registered(BAD, buttons)


def _registered(table: dict[str, Case], buttons: tuple[str, ...]) -> Callable[[Case], Case]:
    def register(case: Case) -> Case:
        table.update(dict.fromkeys(buttons, case))
        return case
    return register


def on_the_page() -> Iterator[str]:
    """The ids of all that can be pressed, as the page is built: buttons, and those inside a text box."""
    for block in shell.build().blocks.values():
        if isinstance(block, gr.Button | gr.DownloadButton):
            yield block.elem_id or f"a button without an id, {block.value!r}"
        if isinstance(block, gr.Textbox) and block.submit_btn:
            yield f"{block.elem_id} submit"


SETTLED_MS = 1500
"""After it no drawing is under way that began with the page."""


class Desk:
    """A page of the served app, opened anew for each case."""

    def __init__(self, page: Page, url: str, runs: Path) -> None:
        self.page, self.url, self.runs = page, url, runs

    def open(self, tab: str, run: str = "example", pane: str = "") -> "Desk":
        self.page.goto("about:blank")  # a page that is left while it waits for an answer would reload itself
        self.page.goto(f"{self.url}?run={run.replace(' ', '+')}&tab={tab}")
        expect(self.page.locator("#run input")).to_have_value(run)
        expect(self.page.locator(".stations")).to_be_visible()
        if pane:
            self.page.locator("#merge-views").get_by_role("tab", name=pane, exact=True).click()
        return self

    def press(self, button: str) -> None:
        self.at(button).click()

    def at(self, element: str) -> Locator:
        return self.page.locator(f"#{element}")

    def fill(self, element: str, text: str) -> None:
        field = self.page.locator(f"#{element} :is(input, textarea)").first
        field.fill(text)
        field.blur()

    def empty(self, label: str) -> None:
        """Take everything out of a multiselect; a drawing that was under way may put it back."""
        field = self.page.get_by_label(label, exact=True).locator("visible=true").first
        chosen = field.locator("xpath=ancestor::div[contains(@class, 'block')][1]").locator(".token")
        for _ in range(5):
            field.click()
            for _ in range(12):
                field.press("Backspace")
            field.press("Escape")
            self.page.wait_for_timeout(SETTLED_MS)
            if not chosen.count():
                return
        raise AssertionError(f"{label} is filled again and again")

    def expect_refused(self, words: str) -> None:
        """What a person reads: a message that says what this is, and why."""
        toast = self.page.get_by_test_id("toast-body")
        expect(toast).to_contain_text(HEADING)
        expect(toast).to_contain_text(words)

    def expect_started(self, stage: str, run: str) -> None:
        """A job of the run works, or is through already; then it is out of the way of the next one."""
        expect(self.page.locator("#run input")).to_have_value(re.compile(run))
        expect(self.page.locator(".job").first).to_be_visible()
        assert not self.page.get_by_test_id("toast-body").count()
        newest = jobs.all_jobs(self.runs)[0]
        assert newest.stage == stage and re.fullmatch(run, newest.run)
        self.end_jobs()

    def end_jobs(self) -> None:
        """At once: what they would make is not what is looked at here."""
        for job in jobs.all_jobs(self.runs):
            jobs.cancel(job.folder, patience_seconds=0)

    def expect_done(self, words: str) -> None:
        done = self.page.locator(".job.done")  # the job before it may still stand there: only the words tell
        expect(done).to_contain_text(words, timeout=PATIENCE_MS)
        expect(done).to_contain_text("Done: ")


def furnish(runs: Path, example: Path) -> None:
    """A run that waits to learn, one on SDXL, which no judge that ships can read, and one to be renamed."""
    base = re.search(r'model = "(.*)"', (example / "recipe.toml").read_text())
    assert base
    later = ("places*", "styles*", "images", "experts", "merges", "scores")
    copytree(example, runs / "learner", ignore=ignore_patterns(*later))
    write_text(runs / "learner" / "recipe.toml", LEARNS.replace("MODEL", base[1]))
    foreign = Store(runs / "foreign")
    write_text(foreign.folder / "recipe.toml", f'model = "{SDXL}"\n[prompts]\nskills = ["counting"]\n')
    for name in ("one", "two"):
        write_json(foreign.expert(name) / "recipe.json", {"name": name, "base": {"model": SDXL}, "step": 1})
    copytree(example, runs / "old", ignore=ignore_patterns("experts", "images"))
