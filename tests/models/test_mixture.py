"""The mixture against peft, against diffusers, and against the formula it stands for."""
import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig
from torch import nn

from engine.core.errors import EngineError
from engine.models.lora.factors import ATTENTION, Factors, Lora
from engine.models.mixture import Mixture
from tests.models.experts import FP32, FP64, ROWS, difference, of_type, random_experts, with_peft

TINY = Factors(torch.ones(1, 2), torch.ones(2, 1), 1.0)


@pytest.mark.parametrize(("dtype", "alpha", "tolerance"), [
    (torch.float32, 4, FP32), (torch.float32, 9, FP32), (torch.float64, 9, FP64)])
def test_one_expert_equals_peft_in_outputs_and_gradients(unet, inputs, dtype, alpha, tolerance):
    base, inputs = copy.deepcopy(unet).to(dtype), of_type(inputs, dtype)
    theirs, states = with_peft(base, {"a": LoraConfig(r=4, lora_alpha=alpha, target_modules=list(ATTENTION))})
    plain = base(**inputs).sample
    mixture = Mixture(base, {"a": Lora(4, alpha)})
    mixture.load("a", states["a"])
    with mixture.grouped({"a": ROWS}):
        ours = base(**inputs).sample
    expected = theirs(**inputs).sample
    assert difference(ours, expected) < tolerance
    assert (ours - plain).abs().max() > 1e-3
    ours.pow(2).mean().backward()
    expected.pow(2).mean().backward()
    gradients = [p.grad for p in mixture.parameters_of("a")]
    reference = [m.lora_A["a"].weight.grad if side == 0 else m.lora_B["a"].weight.grad.T
                 for m in theirs.modules() if hasattr(m, "lora_A") for side in (0, 1)]
    assert len(gradients) == len(reference) == 64
    for ours_, theirs_ in zip(gradients, reference, strict=True):
        assert theirs_.abs().max() > 0 and (ours_ - theirs_).abs().max() < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, FP32), (torch.float64, FP64)])
def test_several_experts_of_any_rank_equal_set_adapters(unet, inputs, dtype, tolerance):
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters
    base, inputs = copy.deepcopy(unet).to(dtype), of_type(inputs, dtype)
    theirs, states = with_peft(base, {
        "a": LoraConfig(r=4, lora_alpha=8, target_modules=list(ATTENTION)),
        "b": LoraConfig(r=7, lora_alpha=3, target_modules=["to_q", "to_out.0"])})
    mixture = Mixture(base, {"a": Lora(4, 8), "b": Lora(7, 3, targets=("to_q", "to_out.0"))})
    for name, state in states.items():
        mixture.load(name, state)
    for weights in ({"a": 0.3, "b": 0.9}, {"a": -1.5, "b": 2.0}, {"b": 1.0}):
        full = {"a": 0.0, "b": 0.0, **weights}
        set_weights_and_activate_adapters(theirs, list(full), list(full.values()))
        with mixture.mix(weights), torch.no_grad():
            assert difference(base(**inputs).sample, theirs(**inputs).sample) < tolerance


def test_groups_equal_one_hot_rows_in_outputs_and_gradients(unet, mixed, inputs):
    gradients, outputs = [], []
    one_hot = mixed.rows([{"b": 1}, {"b": 1}, {"b": 1}, {"a": 1}])
    for context in (mixed.grouped({"b": 3, "c": 0, "a": 1}), mixed.mix(one_hot)):
        with context:
            outputs.append(unet(**inputs).sample)
        outputs[-1].pow(2).mean().backward()
        parameters = mixed.parameters_of("a") + mixed.parameters_of("b")
        gradients.append([p.grad.clone() for p in parameters])
        mixed.parameters_of("c")[0].grad = None
        for parameter in parameters:
            parameter.grad = None
    assert difference(*outputs) < FP32
    assert all((g - h).abs().max() < FP32 for g, h in zip(*gradients, strict=True))


@given(ranks=st.lists(st.integers(1, 5), min_size=1, max_size=4), rows=st.integers(1, 4),
       seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_formula(ranks, rows, seed):
    """y = W x + sum over experts of mix * scale * B A x, for every row."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 5)).double()
    experts = {f"e{i}": {"0": Factors(torch.randn(r, 6, generator=generator).double(),
                                      torch.randn(5, r, generator=generator).double(), 0.5 + i)}
               for i, r in enumerate(ranks)}
    mixture = Mixture(model, experts)
    x = torch.randn(rows, 3, 6, generator=generator).double()
    mix = torch.randn(rows, len(ranks), generator=generator).double()
    with mixture.mix(mix):
        ours = model(x)
    for row in range(rows):
        delta = sum(mix[row, i] * f["0"].delta() for i, f in enumerate(experts.values()))
        expected = nn.functional.linear(x[row], model[0].weight + delta, model[0].bias)
        assert torch.allclose(ours[row], expected, atol=1e-10)


def test_another_expert_does_not_change_how_one_starts(unet):
    alone = Mixture(unet, {"a": Lora(4, 4)}, seed=5)
    both = Mixture(unet, {"b": Lora(2, 2), "a": Lora(4, 4)}, seed=5)
    other = Mixture(unet, {"a": Lora(4, 4)}, seed=6)
    twins = Mixture(unet, {"a": Lora(4, 4, start="same"), "b": Lora(4, 4, start="same")}, seed=5)
    for mixture in (alone, both, other, twins):
        mixture.remove()
    key = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight"
    assert torch.equal(alone.state("a")[key], both.state("a")[key])
    assert not torch.equal(alone.state("a")[key], other.state("a")[key])
    assert torch.equal(twins.state("a")[key], twins.state("b")[key])
    assert abs(both.state("a")[key].std() - 1 / 4) < 0.05


@torch.no_grad()
def test_the_base_is_never_written_to_and_comes_back_when_removed(unet, inputs):
    weights, before = copy.deepcopy(unet.state_dict()), unet(**inputs).sample
    mixture = Mixture(unet, {"a": Lora(4, 4)})
    random_experts(mixture)
    assert torch.equal(unet(**inputs).sample, before), "nothing is added until a mix is set"
    with mixture.mix({"a": 1.0}):
        assert not torch.equal(unet(**inputs).sample, before)
    mixture.set_mix({"a": 1.0})
    mixture.remove()
    assert torch.equal(unet(**inputs).sample, before)
    assert unet.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, weights[key]) for key, value in unet.state_dict().items())


@torch.no_grad()
def test_an_optimisers_step_reaches_the_concatenation(unet, mixed, inputs):
    with mixed.mix({"b": 1.0}):
        before = unet(**inputs).sample
        torch._foreach_mul_(mixed.parameters_of("b"), 0.5)
        assert (unet(**inputs).sample - before).abs().max() > 1e-4


def test_the_base_in_bfloat16_and_autocast_agree_with_float32(unet, mixed, inputs):
    def effect(half):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            plain = unet(**inputs).sample.float()
            with mixed.mix({"a": 5.0, "b": 5.0}):
                return unet(**inputs).sample.float() - plain
    assert difference(effect(half=True), effect(half=False)) < 0.05, "of what the experts do, not of the picture"
    half = copy.deepcopy(unet).to(torch.bfloat16)
    mixture = Mixture(half, {"a": Lora(4, 8)})
    random_experts(mixture)
    with mixture.grouped({"a": ROWS}):
        values = {k: v.bfloat16() if v.is_floating_point() else v for k, v in inputs.items()}
        half(**values).sample.float().sum().backward()
    assert all(p.dtype == torch.float32 and p.grad.dtype == torch.float32 for p in mixture.parameters_of("a"))


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda unet: Lora(0, 4), "rank of 1 or more"),
    (lambda unet: Lora(4, 0), "positive alpha"),
    (lambda unet: Lora(4, float("inf")), "alpha is inf, .*near the rank"),
    (lambda unet: Lora(4, 1e30), "alpha is 1e\\+30, .*near the rank"),
    (lambda unet: Mixture(unet, {}), "at least one expert"),
    (lambda unet: Mixture(unet, {"a": Lora(4, 4, targets=("to_x",))}), "to_k, to_out.0, to_q, to_v"),
    (lambda unet: Mixture(unet, {"a": Lora(4, 4, targets=("norm1",))}), "or convolution is called .norm1"),
    (lambda unet: Mixture(unet, {"a": {"nowhere": TINY}}), "another model"),
    (lambda unet: Mixture(unet, {"a": {"time_embedding.linear_1": TINY}}), "2 x 2 in the LoRA"),
])
def test_what_cannot_be_is_refused_with_the_remedy(unet, make, sentence):
    with pytest.raises(EngineError, match=sentence):
        make(unet)


def test_a_wrong_mix_is_refused_with_the_remedy(unet, mixed, inputs):
    with pytest.raises(EngineError, match="called 'z'. Choose from a, b, c"):
        mixed.set_mix({"z": 1.0})
    with pytest.raises(EngineError, match=r"give \(rows, 3\)"):
        mixed.set_mix(torch.ones(2, 2))
    with pytest.raises(EngineError, match="The mix has 3 rows and the batch 4"), mixed.mix(torch.ones(3, 3)):
        unet(**inputs)
    with pytest.raises(EngineError, match="The groups have 5 rows and the batch 4"), mixed.grouped({"a": 5}):
        unet(**inputs)
    with pytest.raises(EngineError, match="is missing: expert 'a' has other layers"):
        mixed.load("a", {})
    with pytest.raises(EngineError, match="Choose the rank"):
        mixed.load("a", {key: value[:1] for key, value in mixed.state("a").items()})
