"""Small random models, shards of two, five prompts."""
import pytest

from engine.core.store import Store
from engine.images import Config, shards
from tests.images.runs import with_prompts
from tests.tiny_models import tiny_distilled, tiny_sd3, tiny_sdxl, tiny_stable_diffusion


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Folders of models by the names of their makers, each made when it is first asked for."""
    root, made = tmp_path_factory.mktemp("models"), {}

    class Models:
        def __getitem__(self, name):
            makers = {maker.__name__: maker for maker in (tiny_stable_diffusion, tiny_sdxl, tiny_sd3,
                                                     tiny_distilled)}
            if name not in made:
                made[name] = str(makers[name](root / name))
            return made[name]
    return Models()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SIZE", 2)


@pytest.fixture
def config(models):
    return Config(("counting",), model=models["tiny_stable_diffusion"], steps=2, guidance=2.0)


@pytest.fixture
def store(tmp_path):
    return with_prompts(Store(tmp_path / "run"), 5)
