"""Exported files give every layer its own delta: by kohya's rule, to diffusers and to us."""
import pytest
import torch
from peft.tuners.lora import LoraLayer

from engine.core.errors import EngineError
from engine.merge.deltas import concatenate
from engine.models.lora import expert_files, foreign_files
from engine.models.lora.factors import Factors, Lora
from engine.models.lora.layouts import kohya
from engine.models.mixture import Mixture
from tests.models.experts import EVERYWHERE, random_experts
from tests.models.lora_files import loaded, read_elsewhere, write_kohya
from tests.tiny_models import tiny_sdxl, tiny_stable_diffusion

HALF = 1e-3
"""What half precision may change of a delta, relative to its norm."""


@pytest.fixture(scope="module", params=[tiny_stable_diffusion, tiny_sdxl])
def base(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def made(base):
    """Experts of ranks 4 and 8 that overlap in some layers only, convolutions among them."""
    mixture = Mixture(loaded(base).unet, {
        "wide": Lora(4, 10, EVERYWHERE), "deep": Lora(8, 3, ("to_v", "to_out.0", "conv1"))})
    random_experts(mixture)
    experts = {name: mixture.expert(name) for name in mixture.names}
    mixture.remove()
    return experts


def summed(made, wide=0.7, deep=-0.5):
    return concatenate(made, {"wide": wide, "deep": deep}).expert


def of_mixed_alphas(made):
    """alpha and rank differ by layer, as in rank-stabilised LoRAs and LoCons of others."""
    deep = {path: f._replace(scale=(-1) ** n * (n % 5 + 1) / f.rank ** 0.5)
            for n, (path, f) in enumerate(made["deep"].items())}
    return made["wide"] | deep


EXPERTS = {
    "trained": lambda made: made["wide"],
    "a weighted sum": summed,
    "a weak sum": lambda made: summed(made, 1e-4, -1e-3),
    "a strong sum": lambda made: summed(made, 100.0, 100.0),
    "mixed alphas": of_mixed_alphas,
    "lopsided": lambda made: {path: f._replace(a=f.a * 1e-6, b=f.b * 1e6)
                              for path, f in made["wide"].items()},
}


@pytest.mark.parametrize("kind", EXPERTS)
def test_every_reader_gets_every_layers_own_delta(base, made, tmp_path, kind):
    expert, pipe = EXPERTS[kind](made), loaded(base)
    mixed = {(f.rank, f.scale * f.rank) for f in expert.values()}
    assert (len(mixed) > 1) == (kind not in ("trained", "lopsided"))
    write_kohya(tmp_path / "a.safetensors", expert, {"name": "a"})
    ours = foreign_files.read(tmp_path / "a.safetensors", pipe.unet).expert
    found = {"kohya": read_elsewhere(tmp_path / "a.safetensors", pipe.unet),
             "ours": {path: factors.delta() for path, factors in ours.items()},
             "diffusers": in_diffusers(pipe, tmp_path, "a.safetensors")}
    for reader, deltas in found.items():
        assert set(deltas) == set(expert), reader
        for path, factors in expert.items():
            wanted = factors._replace(a=factors.a.double(), b=factors.b.double()).delta()
            off = (deltas[path].double() - wanted).norm() / wanted.norm()
            assert off < HALF, (reader, path, float(off))


def in_diffusers(pipe, folder, file):
    """What plain diffusers adds to each layer's weight."""
    with torch.no_grad():
        pipe.load_lora_weights(folder, weight_name=file, adapter_name="a")
        return {path: layer.get_delta_weight("a").clone()
                for path, layer in pipe.unet.named_modules() if isinstance(layer, LoraLayer)}


def test_a_merge_plays_right_in_diffusers_without_its_header_too(base, made, tmp_path):
    """Its scale is 1, which readers assume that find no alpha; ranks are mixed."""
    from safetensors.torch import load_file, save_file
    expert, pipe = summed(made), loaded(base)
    expert_files.write(tmp_path, expert, {})
    save_file(load_file(tmp_path / expert_files.FILE_NAME), tmp_path / "bare.safetensors")
    deltas = in_diffusers(pipe, tmp_path, "bare.safetensors")
    assert {factors.scale for factors in expert.values()} == {1.0} and set(deltas) == set(expert)
    for path, factors in expert.items():
        assert torch.allclose(deltas[path], factors.delta(), atol=1e-6)


def test_the_commonest_alpha_is_kept_and_a_rank_that_does_nothing_stays_nothing():
    zero = Factors(torch.ones(2, 6), torch.zeros(5, 2), 2.0)
    half = Factors(torch.tensor([[0.0] * 6, [1.0] * 6]), torch.ones(5, 2), 1.0)
    expert = {"x": zero, "y": half, "z": half, "off": half._replace(scale=0.0)}
    assert kohya.common_alpha(expert) == 2.0 and kohya.common_alpha({}) == 1.0
    for factors in expert.values():
        balanced = kohya.balance(factors, 2.0)
        assert balanced.scale == 1.0 and torch.equal(balanced.delta(), factors.delta())


def test_a_value_beyond_half_precision_is_told_and_nothing_is_written(tmp_path):
    large = Factors(torch.full((2, 4), 1e6), torch.full((4, 2), 1e6), 1.0)
    with pytest.raises(EngineError, match="half precision"):
        write_kohya(tmp_path / "a.safetensors", {"x": large}, {})
    assert not list(tmp_path.iterdir())
