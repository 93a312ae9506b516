"""The mixture in every family: the UNets of Stable Diffusion 1, 2 and XL, the transformers of SD 3 and Flux."""
import inspect

import pytest
import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel
from peft import LoraConfig

from engine.models.lora import ATTENTION, Lora
from engine.models.mixture import Mixture
from tests.models.experts import FP32, FP64, ROWS, difference, of_type, random_experts
from tests.models.test_mixture import with_peft
from tests.tiny_models import SDXL, tiny_flux, tiny_sd3, tiny_unet

UNETS = {
    "sd1": (32, {}),
    "sd2": (32, {"use_linear_projection": True, "attention_head_dim": (2, 4)}),
    "sdxl": (56, {**SDXL, "use_linear_projection": True, "transformer_layers_per_block": (2, 1)}),
}


@pytest.mark.parametrize("family", UNETS)
def test_every_family_of_unets_equals_set_adapters_in_outputs_and_gradients(family, inputs):
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters
    torch.manual_seed(2)
    dimensions, changes = UNETS[family]
    base = tiny_unet(dimensions, **changes).double().requires_grad_(False).eval()
    values = of_type(inputs, torch.float64) | {"encoder_hidden_states": torch.randn(ROWS, 9, dimensions).double()}
    if family == "sdxl":
        values["added_cond_kwargs"] = {"text_embeds": torch.randn(ROWS, 24).double(),
                                       "time_ids": torch.full((ROWS, 6), 64.0).double()}
    theirs, states = with_peft(base, {"a": LoraConfig(r=3, lora_alpha=5, target_modules=[*ATTENTION, "proj_in"]),
                                      "b": LoraConfig(r=2, lora_alpha=2, target_modules=["to_v", "conv1"])})
    mixture = Mixture(base, {"a": Lora(3, 5, (*ATTENTION, "proj_in")), "b": Lora(2, 2, ("to_v", "conv1"))})
    for name, state in states.items():
        mixture.load(name, state)
    set_weights_and_activate_adapters(theirs, ["a", "b"], [0.4, -1.5])
    for parameter in (p for key, p in theirs.named_parameters() if "lora_" in key):
        parameter.requires_grad_(True)
    with mixture.mix({"a": 0.4, "b": -1.5}):
        ours, expected = base(**values).sample, theirs(**values).sample
    assert difference(ours, expected) < FP64
    ours.pow(2).mean().backward()
    expected.pow(2).mean().backward()
    for name in "ab":
        reference = [module.lora_A[name].weight.grad if side == 0 else module.lora_B[name].weight.grad.flatten(1).T
                     for module in theirs.modules() if name in getattr(module, "lora_A", {}) for side in (0, 1)]
        gradients = [parameter.grad for parameter in mixture.parameters_of(name)]
        assert len(gradients) == len(reference) >= 8
        for one, other in zip(gradients, reference, strict=True):
            assert other.abs().max() > 0 and (one - other).abs().max() < FP64


def flux(folder):
    model = FluxTransformer2DModel.from_pretrained(tiny_flux(folder) / "transformer")
    values = {"hidden_states": torch.randn(ROWS, 16, 32), "encoder_hidden_states": torch.randn(ROWS, 5, 64),
              "pooled_projections": torch.randn(ROWS, 32), "timestep": torch.rand(ROWS), "img_ids": torch.zeros(16, 3),
              "txt_ids": torch.zeros(5, 3)}
    return model, values


def sd3(folder):
    model = SD3Transformer2DModel.from_pretrained(tiny_sd3(folder) / "transformer")
    values = {"hidden_states": torch.randn(ROWS, 8, 16, 16), "encoder_hidden_states": torch.randn(ROWS, 6, 64),
              "pooled_projections": torch.randn(ROWS, 48), "timestep": torch.rand(ROWS) * 1000}
    return model, values


TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "proj_out")


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, FP32), (torch.float64, FP64)])
@pytest.mark.parametrize("make", [flux, sd3])
def test_transformers_of_the_sd3_and_flux_class_equal_set_adapters(make, dtype, tolerance, tmp_path):
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters
    torch.manual_seed(0)
    model, values = make(tmp_path)
    model, values = model.requires_grad_(False).eval().to(dtype), of_type(values, dtype)
    assert set(values) <= set(inspect.signature(model.forward).parameters)
    theirs, states = with_peft(model, {"a": LoraConfig(r=3, lora_alpha=5, target_modules=list(TARGETS)),
                                       "b": LoraConfig(r=2, lora_alpha=2, target_modules=["to_v"])})
    mixture = Mixture(model, {"a": Lora(3, 5, TARGETS), "b": Lora(2, 2, ("to_v",))})
    for name, state in states.items():
        mixture.load(name, state)
    set_weights_and_activate_adapters(theirs, ["a", "b"], [0.4, -1.5])
    for parameter in (p for key, p in theirs.named_parameters() if "lora_" in key):
        parameter.requires_grad_(True)
    with mixture.mix({"a": 0.4, "b": -1.5}):
        ours, expected = model(**values).sample, theirs(**values).sample
    assert difference(ours, expected) < tolerance
    ours.pow(2).mean().backward()
    expected.pow(2).mean().backward()
    for name in "ab":
        reference = [module.lora_A[name].weight.grad if side == 0 else module.lora_B[name].weight.grad.T
                     for module in theirs.modules() if name in getattr(module, "lora_A", {}) for side in (0, 1)]
        gradients = [parameter.grad for parameter in mixture.parameters_of(name)]
        assert sum(other is not None and other.abs().max() > 0 for other in reference) >= 2
        for one, other in zip(gradients, reference, strict=True):
            # a factor whose output nothing reads has no gradient there, and zeros here: its layer's are one tensor
            nothing = torch.zeros(()).to(dtype)
            assert ((nothing if one is None else one) - (nothing if other is None else other)).abs().max() < tolerance


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
