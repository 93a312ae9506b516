"""A real Chromium and a real server, all its state in a temporary folder."""
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from engine import jobs
from engine.core.store import write_text
from tests.app.example_run import add_weights, make_run
from tests.browser import chromium
from tests.browser.buttons import PATIENCE_MS
from tests.browser.places import open_tab
from tests.tiny_models import tiny_stable_diffusion

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SECONDS_TO_START = 120
OF_LEAVING = ("AbortError", "Unexpected error Connection errored out")
"""Gradio's own complaints where a page is left or reloaded while an answer is on its way."""
expect.set_options(timeout=30_000)  # a busy machine is no failure
MINIATURE = """
model = "MODEL"
skills = ["counting", "styles"]
prompts = { count = 4, lines_per_request = 12 }
images = { steps = 2 }
merge = { experts = { counting = 1.0, styles = 1.0 } }

[experts]
experts = { counting = ["counting"], styles = ["styles"] }
rank = 2
steps = 4
batch_size = 2
log_every = 1
samples = 1
sample_every = 4
sample_steps = 2

[evaluate]
models = { base = {}, merged = { merged = 1.0 } }
guidances = [2.0]
steps = 2
prompts_per_skill = 2

[test]
keep_pictures = 2
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last of all: Playwright keeps an event loop in this thread, and the quick tests answer first."""
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.REMEDY, pytrace=False)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The served app's runs folder."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "log.txt"


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A tiny base, an example run of it and a recipe for it, as the environment that names them."""
    folder = tmp_path_factory.mktemp("world")
    base = tiny_stable_diffusion(folder / "base")
    add_weights(make_run(folder / "example", str(base), prompts=3, judged=4), base)
    write_text(folder / "recipes" / "miniature.toml", MINIATURE.replace("MODEL", str(base)))
    return {"SELMA_EXAMPLE": str(folder / "example"), "SELMA_RECIPES": str(folder / "recipes")}


@pytest.fixture(scope="module")
def app_url(runs: Path, server_log: Path, small_world: dict[str, str]) -> Iterator[str]:
    """`python app.py` on a free loopback port; the jobs it started end with it."""
    with serving("app.py", runs, server_log, small_world) as url:
        yield url
        for job in jobs.all_jobs(runs):
            jobs.cancel(job.folder, patience_seconds=2)


@contextmanager
def serving(script: str, runs: Path, log_file: Path, world: dict[str, str], port: int = 0) -> Iterator[str]:
    """The address of an app while it runs; `script` is below the repository's root, any port is 0."""
    port = port or free_port()
    here = {"SELMA_RUNS": str(runs), "GRADIO_TEMP_DIR": str(log_file.parent / "gradio"), "HF_HUB_OFFLINE": "1",
            "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "PYTHONPATH": str(ROOT), **world}
    with open(log_file, "wb") as log:
        command = [sys.executable, script]
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ | here, stdout=log, stderr=log)
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/", server, log_file)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def page(browser: Browser, app_url: str, server_log: Path) -> Iterator[Page]:
    """The first page, open. Afterwards: no request went to another host, and the console holds no error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened, outside, complaints = context.new_page(), [], []
    opened.on("request", lambda request: outside.append(request.url) if _is_outside(request.url) else None)
    opened.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(app_url)
    opened.wait_for_selector("#header h1")
    yield opened
    context.close()
    assert outside == []
    complaints = [text for text in complaints if not any(own in text for own in OF_LEAVING)]
    assert not complaints, "\n".join([*complaints, "The server's log ends with:", _end_of(server_log)])


@pytest.fixture
def merge(page: Page) -> Page:
    """The merge tab, its first pictures painted."""
    open_tab(page, "Merge")
    expect(page.locator("#merge-pair .pair")).to_be_visible(timeout=PATIENCE_MS)
    return page


def _is_outside(url: str) -> bool:
    parts = urlparse(url)
    return parts.scheme not in ("data", "blob", "about") and parts.hostname not in ("127.0.0.1", "localhost")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_until_it_answers(url: str, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"app.py did not start:\n{_end_of(log)}", pytrace=False)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
