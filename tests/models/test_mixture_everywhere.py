"""The mixture at convolutions, folded, compiled and recomputed: always the same numbers."""
import copy

import pytest
import torch
from peft import LoraConfig
from torch import nn
from torch._dynamo.testing import CompileCounter

from engine.core.errors import EngineError
from engine.models.lora.factors import Factors, Lora
from engine.models.mixture import Mixture
from tests.models.experts import (
    EVERYWHERE,
    FP32,
    FP64,
    ROWS,
    difference,
    of_type,
    random_experts,
    with_peft,
)


@pytest.fixture
def wide(unet):
    """Two experts with other targets and ranks each, convolutions of every stride among them."""
    mixture = Mixture(unet, {"a": Lora(3, 5, EVERYWHERE), "b": Lora(2, 2, ("conv1", "to_q"))})
    random_experts(mixture)
    yield mixture
    mixture.remove()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, FP32), (torch.float64, FP64)])
def test_convolutions_equal_peft_in_outputs_and_gradients(unet, inputs, dtype, tolerance):
    base, inputs = copy.deepcopy(unet).to(dtype), of_type(inputs, dtype)
    theirs, states = with_peft(base, {"a": LoraConfig(r=3, lora_alpha=5, target_modules=list(EVERYWHERE))})
    mixture = Mixture(base, {"a": Lora(3, 5, EVERYWHERE)})
    mixture.load("a", states["a"])
    with mixture.grouped({"a": ROWS}):
        ours = base(**inputs).sample
    expected = theirs(**inputs).sample
    assert difference(ours, expected) < tolerance
    ours.pow(2).mean().backward()
    expected.pow(2).mean().backward()
    reference = [module.lora_A["a"].weight.grad if side == 0 else module.lora_B["a"].weight.grad.flatten(1).T
                 for module in theirs.modules() if hasattr(module, "lora_A") for side in (0, 1)]
    gradients = [parameter.grad for parameter in mixture.parameters_of("a")]
    assert len(gradients) == len(reference) > 100
    for one, other in zip(gradients, reference, strict=True):
        assert other.abs().max() > 0 and (one - other).abs().max() < tolerance


@torch.no_grad()
def test_a_grid_of_six_rows_equals_six_runs_of_set_adapters(unet, inputs):
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters
    base = copy.deepcopy(unet).double()
    one = {key: value[:1] for key, value in of_type(inputs, torch.float64).items()}
    theirs, states = with_peft(base, {"a": LoraConfig(r=3, lora_alpha=5, target_modules=list(EVERYWHERE)),
                                      "b": LoraConfig(r=2, lora_alpha=2, target_modules=["conv1", "to_q"])})
    mixture = Mixture(base, {"a": Lora(3, 5, EVERYWHERE), "b": Lora(2, 2, ("conv1", "to_q"))})
    for name, state in states.items():
        mixture.load(name, state)
    grid = [{"a": a, "b": b} for a in (0.0, 0.5, 1.0) for b in (-1.0, 0.7)]
    with mixture.mix(mixture.rows(grid)):
        together = base(**{key: value.expand(6, *value.shape[1:]) for key, value in one.items()}).sample
    for row, cell in zip(together, grid, strict=True):
        set_weights_and_activate_adapters(theirs, list(cell), list(cell.values()))
        assert difference(row, theirs(**one).sample[0]) < FP64


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, FP32), (torch.float64, FP64)])
def test_convolutions_of_several_experts_equal_set_adapters(unet, inputs, dtype, tolerance):
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters
    base, inputs = copy.deepcopy(unet).to(dtype), of_type(inputs, dtype)
    theirs, states = with_peft(base, {"a": LoraConfig(r=3, lora_alpha=5, target_modules=list(EVERYWHERE)),
                                      "b": LoraConfig(r=2, lora_alpha=2, target_modules=["conv1", "to_q"])})
    mixture = Mixture(base, {"a": Lora(3, 5, EVERYWHERE), "b": Lora(2, 2, ("conv1", "to_q"))})
    for name, state in states.items():
        mixture.load(name, state)
    set_weights_and_activate_adapters(theirs, ["a", "b"], [0.4, -1.5])
    for context in (mixture.mix({"a": 0.4, "b": -1.5}), mixture.folded({"a": 0.4, "b": -1.5})):
        with context:
            assert difference(base(**inputs).sample, theirs(**inputs).sample) < tolerance


def test_a_delta_has_the_shape_of_its_weight_and_does_what_the_factors_do():
    generator = torch.Generator().manual_seed(0)
    factors = Factors(torch.randn(2, 3, 3, 3, generator=generator), torch.randn(5, 2, generator=generator), 0.7)
    model = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1))
    x = torch.randn(2, 3, 8, 8, generator=generator)
    expected = nn.functional.conv2d(x, model[0].weight + factors.delta(), model[0].bias, stride=2, padding=1)
    with Mixture(model, {"a": {"0": factors}}).mix({"a": 1.0}):
        assert torch.allclose(model(x), expected, atol=1e-5)


@pytest.mark.parametrize("odd", [nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular")])
def test_a_convolution_of_another_kind_is_refused(odd):
    with pytest.raises(EngineError, match="plain convolutions"):
        Mixture(nn.ModuleDict({"odd": odd, "inner": nn.ModuleDict({"odd": nn.Linear(2, 2)})}),
                {"a": Lora(1, 1, ("odd",))})


@torch.no_grad()
def test_folded_equals_live_and_leaves_no_trace(unet, wide, inputs):
    weights, plain = copy.deepcopy(unet.state_dict()), unet(**inputs).sample
    for mix in ({"a": 1.0}, {"a": 0.3, "b": -2.0}, {"b": 0.5}):
        with wide.mix(mix):
            live = unet(**inputs).sample
        with wide.folded(mix):
            folded = unet(**inputs).sample
        assert difference(folded, live) < FP32 and difference(folded, plain) > 1e-3
    assert torch.equal(unet(**inputs).sample, plain)
    assert all(torch.equal(value, weights[key]) for key, value in unet.state_dict().items())


@torch.no_grad()
def test_the_folded_copy_can_be_given_back(unet, wide, inputs):
    with wide.folded({"a": 0.7}):
        folded = unet(**inputs).sample
    assert any(layer._folded is not None for layer in wide._layers.values())
    wide.free()
    assert all(layer._folded is None for layer in wide._layers.values())
    with wide.folded({"a": 0.7}):
        assert torch.equal(unet(**inputs).sample, folded)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_folding_a_hundred_times_gives_the_same_bits(unet, dtype):
    base = copy.deepcopy(unet).to(dtype)
    mixture = Mixture(base, {"a": Lora(3, 5), "b": Lora(2, 2, ("to_q",))})
    random_experts(mixture)
    layer, before = base.mid_block.attentions[0].transformer_blocks[0].attn1.to_q, copy.deepcopy(base.state_dict())
    with mixture.folded({"a": 0.7, "b": 0.3}):
        once = layer.weight.clone()
    exact = mixture._layers["mid_block.attentions.0.transformer_blocks.0.attn1.to_q"]
    delta = sum(w * exact.factors(i).delta() for i, w in enumerate((0.7, 0.3)))
    assert (once.float() - exact.pristine.float() - delta).abs().max() < (FP32 if dtype == torch.float32 else 1e-2)
    for number in range(100):
        with mixture.folded({"a": number / 7, "b": -1.0}):
            pass
    with mixture.folded({"a": 0.7, "b": 0.3}):
        assert torch.equal(layer.weight, once)
    assert all(torch.equal(value, before[key]) for key, value in base.state_dict().items())


@torch.no_grad()
def test_folding_ends_with_its_block_whatever_happens_in_it(unet, wide, inputs):
    plain = unet(**inputs).sample
    with pytest.raises(RuntimeError, match="in between"), wide.mix({"b": 1.0}), wide.folded({"a": 1.0}):
        raise RuntimeError("in between")
    assert torch.equal(unet(**inputs).sample, plain)
    with wide.mix({"b": 1.0}):
        live = unet(**inputs).sample
        with wide.folded({"a": 1.0}):
            assert not torch.equal(unet(**inputs).sample, live)
        assert torch.equal(unet(**inputs).sample, live), "the mix that was set comes back"
    with pytest.raises(EngineError, match="2 mixes cannot be folded"), wide.folded(torch.ones(2, 2)):
        pass


def test_recomputed_activations_give_the_same_gradients(unet, wide, inputs):
    def gradients(recompute):
        unet.train(recompute)
        (unet.enable_gradient_checkpointing if recompute else unet.disable_gradient_checkpointing)()
        with wide.grouped({"a": 2, "b": 2}):
            unet(**inputs).sample.pow(2).mean().backward()
        found = [p.grad.clone() for name in "ab" for p in wide.parameters_of(name) if p.grad is not None]
        for name in "ab":
            for parameter in wide.parameters_of(name):
                parameter.grad = None
        return found
    kept, recomputed = gradients(False), gradients(True)
    unet.eval().disable_gradient_checkpointing()
    assert len(kept) == len(recomputed) > 100
    assert all((one - other).abs().max() < FP32 for one, other in zip(kept, recomputed, strict=True))


@torch.no_grad()
def test_a_base_in_half_precision_sees_every_later_step_of_an_optimiser(unet, inputs):
    half = copy.deepcopy(unet).to(torch.bfloat16)
    mixture, values = Mixture(half, {"a": Lora(4, 8)}), of_type(inputs, torch.bfloat16)
    random_experts(mixture, 0.3)
    with mixture.mix({"a": 1.0}):
        before, again = half(**values).sample, half(**values).sample
        torch._foreach_mul_(mixture.parameters_of("a"), 0.5)
        after = half(**values).sample
    assert torch.equal(before, again) and difference(after.float(), before.float()) > 1e-2


def test_a_compiled_model_learns_the_same(unet, wide, inputs):
    def gradients(model):
        with wide.grouped({"a": 3, "b": 1}):
            model(**inputs).sample.pow(2).mean().backward()
        parameters = [*wide.parameters_of("a"), *wide.parameters_of("b")]
        found = [parameter.grad.clone() for parameter in parameters]
        for parameter in parameters:
            parameter.grad = None
        return found
    torch._dynamo.reset()
    ours, compiled = gradients(unet), gradients(torch.compile(unet, backend="aot_eager", fullgraph=True))
    assert any(one.abs().max() > 1e-3 for one in ours)
    assert all((one - other).abs().max() < FP32 for one, other in zip(ours, compiled, strict=True))
    torch._dynamo.reset()


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
def test_a_compiled_model_in_half_precision_follows_the_sliders(unet, inputs):
    half, values = copy.deepcopy(unet).to(torch.bfloat16), of_type(inputs, torch.bfloat16)
    mixture, counter = Mixture(half, {"a": Lora(4, 8)}), CompileCounter()
    random_experts(mixture, 0.3)
    torch._dynamo.reset()
    compiled = torch.compile(half, backend=counter, fullgraph=True)
    for weight in (1.0, 0.2, -1.0, 0.4):
        with mixture.mix({"a": weight}):
            assert difference(compiled(**values).sample.float(), half(**values).sample.float()) < 1e-2
    assert counter.frame_count == 1
    torch._dynamo.reset()


@torch.no_grad()
def test_a_compiled_model_follows_the_sliders_without_compiling_again(unet, wide, inputs):
    counter = CompileCounter()
    torch._dynamo.reset()
    compiled = torch.compile(unet, backend=counter, fullgraph=True)
    seen = []
    for mix in ({"a": 1.0}, {"a": 0.2, "b": 1.0}, {"b": -1.0}):
        with wide.mix(mix):
            seen.append(compiled(**inputs).sample)
            assert difference(seen[-1], unet(**inputs).sample) < FP32
    assert counter.frame_count == 1 and difference(seen[0], seen[1]) > 1e-3
    for mix in ({"a": 1.0}, {"a": 0.2, "b": 1.0}):
        with wide.folded(mix):
            assert difference(compiled(**inputs).sample, unet(**inputs).sample) < FP32
    assert counter.frame_count <= 3, "once live, once for the bare model"
    torch._dynamo.reset()
