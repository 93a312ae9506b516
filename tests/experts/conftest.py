"""One tiny base for all tests of the stage, and a run folder with two skills painted by it."""
import pytest

from engine.core.store import Store
from tests.experts.worlds import paint_pictures
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("base"))


@pytest.fixture
def store(tmp_path, base):
    store = Store(tmp_path / "run")
    paint_pictures(store, "counting", base)
    paint_pictures(store, "styles", base, count=5)
    return store
