"""A small base, three experts of it, and a run that holds them."""
import pytest

from engine.core.store import Store
from engine.models.lora import expert_files
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from tests.merge.small_experts import BASE
from tests.models.experts import random_experts
from tests.models.lora_files import loaded
from tests.tiny_models import tiny_stable_diffusion

LORAS = {"counting": Lora(4, 10), "styles": Lora(6, 6), "places": Lora(2, 1, targets=("to_q", "to_out.0", "conv1"))}


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="session")
def mixture(base):
    mixture = Mixture(loaded(base).unet, LORAS)
    random_experts(mixture)
    yield mixture
    mixture.remove()


@pytest.fixture(scope="session")
def expert(base):
    """One of rank 4 and alpha 10."""
    mixture = Mixture(loaded(base).unet, {"a": Lora(4, 10)})
    random_experts(mixture)
    return mixture.expert("a")


@pytest.fixture
def store(tmp_path, mixture):
    """The experts in a run; their base is not on this machine."""
    for name in mixture.names:
        expert_files.write(Store(tmp_path).expert(name), mixture.expert(name), {"base": BASE, "name": name})
    return Store(tmp_path)
