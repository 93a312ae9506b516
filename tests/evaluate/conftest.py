"""One whole evaluation with small random weights, shared by the tests of this folder."""
import shutil

import pytest

from engine import evaluate
from engine.core.store import Store
from tests.app.example_run import make_run
from tests.evaluate.small_run import ARMS, SKILLS, write_experts
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def config(model):
    return evaluate.Config(models=ARMS, model=str(model), skills=SKILLS, prompts_per_skill=2, guidances=(1.0, 3.0),
                           steps=2, batch_size=5, keep_pictures=1, pictures_per_prompt=2)


@pytest.fixture(scope="session")
def finished(config, tmp_path_factory):
    """A whole evaluation, and its events."""
    store = Store(tmp_path_factory.mktemp("run"))
    write_experts(config, store)
    return store, list(evaluate.run(config, store))


@pytest.fixture
def run_folder(finished, tmp_path):
    """A copy of the finished run that a test may spoil."""
    shutil.copytree(finished[0].folder, tmp_path, dirs_exist_ok=True)
    return Store(tmp_path)


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """A run of drawn scenes that the Storybook judge has scored."""
    return make_run(tmp_path_factory.mktemp("shipped") / "example_run", prompts=4, judged=3)
