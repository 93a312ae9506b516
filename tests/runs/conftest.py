"""Runs in a temporary folder, a finished example beside them, and a run whose experts have weights."""
import pytest

from tests.app.example_run import add_weights, make_run
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("shipped") / "example_run", prompts=4, judged=3)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A pipeline small enough to paint in a test."""
    return tiny_stable_diffusion(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def run(base, tmp_path_factory):
    """A run with experts that the tiny pipeline loads."""
    store = make_run(tmp_path_factory.mktemp("run"), str(base), prompts=2, judged=1)
    add_weights(store, base)
    return store


@pytest.fixture(autouse=True)
def runs_folder(tmp_path, example, monkeypatch):
    folder = tmp_path / "runs"
    monkeypatch.setenv("SELMA_RUNS", str(folder))
    monkeypatch.setenv("SELMA_EXAMPLE", str(example.folder))
    monkeypatch.delenv("SELMA_VOTES", raising=False)
    return folder
