"""For every test: no network but the loopback, and no clock that fails it on a busy machine."""
import os
import shutil
import socket

import pytest
from hypothesis import HealthCheck, settings

import engine  # noqa: F401 - before the libraries, whose chatter it turns off

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models gain nothing by more, and tests run side by side
settings.register_profile("studio", deadline=None, print_blob=True,
                          suppress_health_check=[HealthCheck.too_slow])  # a clock's verdict, too
settings.load_profile("studio")


@pytest.fixture(autouse=True)
def nothing_leaves_the_machine(monkeypatch):
    """A test that would reach another host fails and says which."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            assert host.startswith("127.") or host in ("localhost", "::1"), f"a request to {host}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def recipe(tmp_path_factory):
    """The line in miniature, on a base with small random weights."""
    from tests.line.miniature import RECIPE
    from tests.tiny_models import tiny_stable_diffusion
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "mini.toml").write_text(RECIPE.replace("MODEL", str(tiny_stable_diffusion(folder / "model"))))
    return folder / "mini.toml"


@pytest.fixture(scope="session")
def finished(recipe, tmp_path_factory):
    """One whole run of it for all tests, and its events."""
    from engine import pipeline
    from engine.core.stopping import guarded
    from tests.line.miniature import written
    out = written(tmp_path_factory.mktemp("finished"))
    return out, list(guarded(pipeline.run(recipe, out)))


@pytest.fixture
def copied(finished, tmp_path):
    """That run, to be changed."""
    folder, _ = finished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return tmp_path
