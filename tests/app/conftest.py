"""Runs in a temporary folder, and a finished example run beside them."""
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import gradio as gr
import pytest

from app import shell
from app.tabs.vote import voter_identity
from engine import jobs
from engine.core.store import Store
from engine.runs.preview import Preview
from engine.votes import ballots, ledger
from tests.app.example_run import add_weights, make_run
from tests.app.studio import Studio
from tests.app.visitor import Visitor
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_run(tmp_path_factory.mktemp("shipped") / "example_run", prompts=4, judged=3)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A pipeline small enough to paint in a test."""
    return tiny_stable_diffusion(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def run(base, tmp_path_factory) -> Store:
    """A run with experts that the tiny pipeline loads."""
    store = make_run(tmp_path_factory.mktemp("run"), str(base), prompts=2, judged=1)
    add_weights(store, base)
    return store


@pytest.fixture(scope="module")
def preview() -> Preview:
    """Warm from its first picture on."""
    return Preview()


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, example: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv("SELMA_RUNS", str(folder))
    monkeypatch.setenv("SELMA_EXAMPLE", str(example.folder))
    monkeypatch.delenv("SELMA_VOTES", raising=False)
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What would have been started, as (stage, config, run folder)."""
    calls: list[tuple] = []
    monkeypatch.setattr(jobs, "begin", lambda *call: calls.append(call))
    return calls


@pytest.fixture(scope="session")
def demo(example: Store) -> gr.Blocks:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELMA_RUNS", "nowhere")
        patch.setenv("SELMA_EXAMPLE", str(example.folder))
        return shell.build()


@pytest.fixture(scope="session")
def studio(demo: gr.Blocks) -> Studio:
    """The page, called without a browser."""
    return Studio(demo)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Votes count however soon they come; nobody is a newcomer yet."""
    monkeypatch.setattr(ballots, "LEAST_LOOK_SECONDS", 0.0)
    voter_identity.newcomers.cache_clear()
    yield
    ledger.forget_ledgers()


@pytest.fixture
def newcomer(studio: Studio) -> Callable[..., Visitor]:
    """Makes pages that show nothing yet."""
    return partial(Visitor, studio)


@pytest.fixture
def visitor(no_patience: None, newcomer: Callable[..., Visitor]) -> Visitor:
    """Has the first pair in sight."""
    return newcomer().opens()
