"""One whole run for all tests of the line."""
import shutil

import pytest

from engine import pipeline
from engine.core.stopping import guarded
from tests.line.miniature import RECIPE, written
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="session")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "mini.toml").write_text(RECIPE.replace("MODEL", str(tiny_stable_diffusion(folder / "model"))))
    return folder / "mini.toml"


@pytest.fixture(scope="session")
def finished(recipe, tmp_path_factory):
    """One whole run, and its events."""
    out = written(tmp_path_factory.mktemp("finished"))
    return out, list(guarded(pipeline.run(recipe, out)))


@pytest.fixture
def copied(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return tmp_path
