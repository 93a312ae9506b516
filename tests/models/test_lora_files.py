"""Files that plain diffusers reads, and files that are refused."""
import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.core.errors import EngineError
from engine.models.lora import expert_files
from engine.models.lora.factors import ATTENTION, Factors, Lora
from engine.models.mixture import Mixture
from tests.models.experts import EVERYWHERE, random_experts
from tests.models.lora_files import loaded, paint
from tests.tiny_models import tiny_sdxl, tiny_stable_diffusion

KEY = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_{}.weight"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.mark.filterwarnings("ignore:Already found a .peft_config.:UserWarning")
@pytest.mark.parametrize(("family", "targets"), [
    (tiny_stable_diffusion, ATTENTION), (tiny_stable_diffusion, EVERYWHERE), (tiny_sdxl, EVERYWHERE)])
def test_plain_diffusers_paints_the_same_pictures_with_alpha_other_than_rank(family, targets, tmp_path):
    base = family(tmp_path / "base")
    ours, theirs = loaded(base), loaded(base)
    mixture = Mixture(ours.unet, {"a": Lora(4, 10, targets), "b": Lora(3, 1.5, targets=("to_v",))})
    random_experts(mixture)
    before = paint(theirs)
    for name in mixture.names:
        expert_files.write(tmp_path / name, mixture.expert(name), {"name": name})
        theirs.load_lora_weights(tmp_path / name, adapter_name=name)
        theirs.set_adapters(name)
        with mixture.mix({name: 1.0}):
            assert (paint(ours) - paint(theirs)).abs().max() < 1e-5
        assert (paint(theirs) - before).abs().max() > 1e-2
    config = theirs.unet.peft_config
    assert (config["a"].r, config["a"].lora_alpha, config["b"].lora_alpha) == (4, 10, 1.5)


def test_a_round_trip_keeps_every_bit(base, tmp_path):
    mixture = Mixture(loaded(base).unet, {"a": Lora(4, 10)})
    random_experts(mixture)
    expert_files.write(tmp_path, mixture.expert("a"), {"name": "a", "steps": 300})
    back = expert_files.read(tmp_path)
    assert back.recipe == expert_files.read_recipe(tmp_path) == {"name": "a", "steps": 300}
    assert [*back.expert] == sorted(mixture.expert("a")), "safetensors sorts its keys"
    for path, factors in mixture.expert("a").items():
        a, b, scale = back.expert[path]
        assert torch.equal(a, factors.a) and torch.equal(b, factors.b) and scale == factors.scale


def test_ranks_and_alphas_that_differ_by_layer(tmp_path):
    expert = {"x.to_q": Factors(torch.ones(2, 6), torch.ones(5, 2), 1.0),
              "x.to_k": Factors(torch.ones(2, 6), torch.ones(5, 2), 1.0),
              "y.to_q": Factors(torch.ones(3, 6), torch.ones(5, 3), 0.5)}
    expert_files.write(tmp_path, expert, {})
    back = expert_files.read(tmp_path).expert
    assert {path: (f.rank, f.scale) for path, f in back.items()} == {
        "x.to_q": (2, 1.0), "x.to_k": (2, 1.0), "y.to_q": (3, 0.5)}


@pytest.mark.parametrize(("metadata", "scale"), [
    ({}, 1.0), ({"unet.lora_alpha": 8}, 2.0), ({"unet.lora_alpha": 8, "unet.use_rslora": True}, 4.0),
    ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 2}}, 0.5)])
def test_the_scale_of_files_that_others_wrote(tmp_path, metadata, scale):
    """Rank 4: no header means alpha = rank; rank-stabilised LoRA divides by the root of the rank."""
    header = {"lora_adapter_metadata": json.dumps(metadata)} if metadata else None
    save_file({KEY.format("A"): torch.ones(4, 6), KEY.format("B"): torch.ones(5, 4)},
              tmp_path / expert_files.FILE_NAME, metadata=header)
    (factors,) = expert_files.read(tmp_path).expert.values()
    assert factors.scale == scale and torch.equal(factors.delta(), scale * 4 * torch.ones(5, 6))


def save(folder, metadata=None, **tensors):
    names = {KEY.format(name) if name in "AB" else name: tensor for name, tensor in tensors.items()}
    header = {"lora_adapter_metadata": json.dumps(metadata)} if metadata else None
    save_file(names, folder / expert_files.FILE_NAME, metadata=header)


def truncate(folder):
    save(folder, A=torch.ones(2, 64), B=torch.ones(64, 2))
    file = folder / expert_files.FILE_NAME
    file.write_bytes(file.read_bytes()[:-10])


def damage_header(folder):
    tensors = {KEY.format("A"): torch.ones(2, 6), KEY.format("B"): torch.ones(5, 2)}
    save_file(tensors, folder / expert_files.FILE_NAME, metadata={"recipe": "{"})


A, B = torch.ones(2, 6), torch.ones(5, 2)


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda folder: None, "missing. Run the stage"),
    (lambda folder: (folder / "pytorch_lora_weights.bin").write_bytes(b"x"), "never opened"),
    (lambda folder: (folder / expert_files.FILE_NAME).write_bytes(b"PK\x03\x04 torch.save"), "never opened"),
    (lambda folder: (folder / expert_files.FILE_NAME).write_bytes(b"\x80\x04 a pickle"), "never opened"),
    (lambda folder: (folder / expert_files.FILE_NAME).write_bytes(b""), "damaged"),
    (lambda folder: (folder / expert_files.FILE_NAME).write_bytes(b"\xff" * 64), "damaged"),
    (truncate, "damaged or no safetensors file"),
    (damage_header, "damaged header"),
    (lambda folder: save(folder, A=A), "do not fit together"),
    (lambda folder: save(folder, A=A, B=torch.ones(5, 3)), "do not fit together"),
    (lambda folder: save(folder, A=A, B=B * float("nan")), "no numbers"),
    (lambda folder: save(folder, A=A, B=B, other=torch.ones(2)), "holds other"),
    (lambda folder: save(folder, A=torch.ones(2, 6, 3, 3), B=B), "do not fit together"),
    (lambda folder: save(folder, A=torch.ones(2, 6, 3), B=B), "Only LoRAs of linear layers"),
    (lambda folder: save(folder, {"unet.use_dora": True}, A=A, B=B), "is DoRA"),
])
def test_what_is_no_plain_lora_is_refused_with_the_remedy(tmp_path, make, sentence):
    make(tmp_path)
    with pytest.raises(EngineError, match=re.escape(sentence)):
        expert_files.read(tmp_path)


def test_a_diverged_expert_is_never_written(tmp_path):
    expert = {"x.to_q": Factors(A, B * float("inf"), 1.0)}
    with pytest.raises(EngineError, match="lower learning rate"):
        expert_files.write(tmp_path, expert, {})
    assert not [*tmp_path.iterdir()]


def test_keys_are_peft_names(tmp_path):
    expert_files.write(tmp_path, {"x.to_q": Factors(A, B, 1.0)}, {})
    keys = sorted(load_file(tmp_path / expert_files.FILE_NAME))
    assert keys == ["unet.x.to_q.lora_A.weight", "unet.x.to_q.lora_B.weight"]
