"""One tiny base for all tests of the stage, and a run folder with two skills painted by it."""
import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from engine.core.store import Store
from tests.experts.worlds import paint_pictures
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def pipe(base):
    return StableDiffusionPipeline.from_pretrained(base)


@pytest.fixture
def store(tmp_path, base):
    store = Store(tmp_path / "run")
    paint_pictures(store, "counting", base)
    paint_pictures(store, "styles", base, count=5)
    return store


@pytest.fixture
def rows_learned(monkeypatch):
    """How many rows each forward of the UNet had that was made to learn from, as they come."""
    rows, forward = [], UNet2DConditionModel.forward

    def counted(self, sample, *args, **kwargs):
        if torch.is_grad_enabled():
            rows.append(len(sample))
        return forward(self, sample, *args, **kwargs)
    monkeypatch.setattr(UNet2DConditionModel, "forward", counted)
    return rows
