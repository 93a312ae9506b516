"""The mixture in every family: the UNets of Stable Diffusion 1, 2 and XL, the transformers of SD 3 and Flux."""
import inspect

import pytest
import torch
from peft import LoraConfig

from engine.models.lora.factors import ATTENTION, Lora
from engine.models.mixture import Mixture
from tests.models.experts import FP32, FP64, ROWS, difference, of_type, random_experts, with_peft
from tests.models.networks import TARGETS, UNETS, flux, sd3
from tests.tiny_models import tiny_unet


def learned_like_set_adapters(model, values, experts, tolerance):
    """Outputs and gradients of two experts held against diffusers; says of each factor whether it has a gradient."""
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters
    theirs, states = with_peft(model, {name: LoraConfig(r=lora.rank, lora_alpha=lora.alpha,
                                                        target_modules=list(lora.targets))
                                       for name, lora in experts.items()})
    mixture, weights = Mixture(model, experts), dict(zip(experts, (0.4, -1.5), strict=True))
    for name, state in states.items():
        mixture.load(name, state)
    set_weights_and_activate_adapters(theirs, list(weights), list(weights.values()))
    for parameter in (p for key, p in theirs.named_parameters() if "lora_" in key):
        parameter.requires_grad_(True)
    with mixture.mix(weights):
        ours, expected = model(**values).sample, theirs(**values).sample
    assert difference(ours, expected) < tolerance
    ours.pow(2).mean().backward()
    expected.pow(2).mean().backward()
    return {name: list(_same_gradients(mixture, theirs, name, tolerance)) for name in experts}


def _same_gradients(mixture, theirs, name, tolerance):
    reference = [module.lora_A[name].weight.grad if side == 0 else module.lora_B[name].weight.grad
                 for module in theirs.modules() if name in getattr(module, "lora_A", {}) for side in (0, 1)]
    gradients = [parameter.grad for parameter in mixture.parameters_of(name)]
    for side, (one, other) in enumerate(zip(gradients, reference, strict=True)):
        if other is None:
            # a factor whose output nothing reads: its layer's are one tensor here, so it may have zeros
            assert one is None or not one.any()
        else:
            other = other.flatten(1).T if side % 2 else other
            assert (one - other).abs().max() < tolerance
        yield other is not None and bool(other.any())


@pytest.mark.parametrize("family", UNETS)
def test_every_family_of_unets_equals_set_adapters_in_outputs_and_gradients(family, inputs):
    torch.manual_seed(2)
    dimensions, changes = UNETS[family]
    base = tiny_unet(dimensions, **changes).double().requires_grad_(False).eval()
    values = of_type(inputs, torch.float64) | {"encoder_hidden_states": torch.randn(ROWS, 9, dimensions).double()}
    if family == "sdxl":
        values["added_cond_kwargs"] = {"text_embeds": torch.randn(ROWS, 24).double(),
                                       "time_ids": torch.full((ROWS, 6), 64.0).double()}
    experts = {"a": Lora(3, 5, (*ATTENTION, "proj_in")), "b": Lora(2, 2, ("to_v", "conv1"))}
    learned = learned_like_set_adapters(base, values, experts, FP64)
    assert all(len(factors) >= 8 and all(factors) for factors in learned.values())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, FP32), (torch.float64, FP64)])
@pytest.mark.parametrize("make", [flux, sd3])
def test_transformers_of_the_sd3_and_flux_class_equal_set_adapters(make, dtype, tolerance, tmp_path):
    torch.manual_seed(0)
    model, values = make(tmp_path)
    model, values = model.requires_grad_(False).eval().to(dtype), of_type(values, dtype)
    assert set(values) <= set(inspect.signature(model.forward).parameters)
    experts = {"a": Lora(3, 5, TARGETS), "b": Lora(2, 2, ("to_v",))}
    learned = learned_like_set_adapters(model, values, experts, tolerance)
    assert all(sum(factors) >= 2 for factors in learned.values())


@pytest.mark.parametrize("make", [flux, sd3])
def test_a_transformers_rows_each_have_their_mixture_and_folded_is_live(make, tmp_path):
    torch.manual_seed(0)
    model, values = make(tmp_path)
    mixture = Mixture(model.requires_grad_(False).eval(), {"a": Lora(3, 5, TARGETS), "b": Lora(2, 2, ("to_v",))})
    random_experts(mixture)
    rows = mixture.rows([{}, {"a": 1}, {"b": 1}, {"a": 0.5, "b": -1}])
    with torch.no_grad(), mixture.mix(rows):
        together = model(**values).sample
    for row in range(ROWS):
        with torch.no_grad(), mixture.folded(rows[row]):
            assert difference(together[row], model(**values).sample[row]) < FP32
