"""Small random models, shards of two, five prompts."""
import pytest

from engine.core.store import Store
from engine.images import Config, shards
from tests.images.runs import with_prompts
from tests.tiny_models import tiny_distilled, tiny_sd3, tiny_sdxl, tiny_stable_diffusion


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    kinds = (tiny_stable_diffusion, tiny_sdxl, tiny_sd3, tiny_distilled)
    return {kind.__name__: str(kind(root / kind.__name__)) for kind in kinds}


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SIZE", 2)


@pytest.fixture
def config(models):
    return Config(("counting",), models["tiny_stable_diffusion"], steps=2, guidance=2.0)


@pytest.fixture
def store(tmp_path):
    return with_prompts(Store(tmp_path / "run"), 5)
