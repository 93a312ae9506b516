"""A batch in which every row has its own experts, and sliders that are tensor writes."""
import torch
from diffusers import UNet2DConditionModel

from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from engine.models.mixture.layers import Layout
from tests.models.experts import FP32, ROWS, difference, random_experts
from tests.tiny_models import tiny_sdxl


@torch.no_grad()
def test_every_row_has_its_own_mixture(unet, mixed, inputs):
    rows = mixed.rows([{}, {"a": 1}, {"a": 0.2, "b": 0.2, "c": 0.2}, {"b": -1, "c": 2}])
    with mixed.mix(rows):
        together = unet(**inputs).sample
    for row in range(ROWS):
        with mixed.mix(rows[row]):
            alone = unet(**inputs).sample[row]
        assert difference(together[row], alone) < FP32
    assert difference(together[0], unet(**inputs).sample[0]) < FP32


@torch.no_grad()
def test_the_batch_may_hold_the_rows_twice_as_guidance_does(unet, mixed, inputs):
    rows = mixed.rows([{"a": 1}, {"b": 1}, {"c": 1}, {}])
    twice = {key: torch.cat([value, value]) for key, value in inputs.items()}
    with mixed.mix(rows):
        once, both = unet(**inputs).sample, unet(**twice).sample
    assert (both - torch.cat([once, once])).abs().max() < FP32


def test_an_experts_gradient_comes_from_its_own_rows_alone(unet, mixed, inputs):
    with mixed.grouped({"a": 2, "b": 2}):
        unet(**inputs).sample[2:].sum().backward()
    assert all(not p.grad.any() for p in mixed.parameters_of("a"))
    assert all(p.grad is None for p in mixed.parameters_of("c"))
    assert all(p.grad.any() for p in mixed.parameters_of("b"))


def test_the_mix_itself_can_be_learned(unet, mixed, inputs):
    mix = torch.zeros(1, 3, requires_grad=True)
    with mixed.mix(mix):
        unet(**inputs).sample.pow(2).mean().backward()
    assert mix.grad.abs().min() > 0


def test_a_nested_mix_before_the_backward_pass_changes_no_gradient(unet, mixed, inputs):
    def gradient(nested):
        with mixed.mix({"a": 0.5}):
            loss = unet(**inputs).sample.pow(2).mean()
            if nested:
                mixed.set_mix({"a": -3.0})
            loss.backward()
        grad, mixed.parameters_of("a")[0].grad = mixed.parameters_of("a")[0].grad, None
        return grad
    assert torch.equal(gradient(False), gradient(True))


@torch.no_grad()
def test_a_slider_is_a_tensor_write_and_no_walk_over_layers(unet, mixed, inputs, monkeypatch):
    mixed.set_mix({"a": 1.0})
    layer = mixed._layers["mid_block.attentions.0.transformer_blocks.0.attn1.to_q"]
    before, address = unet(**inputs).sample, layer.layout.weights.data_ptr()
    writes, write = [], Layout.write
    monkeypatch.setattr(Layout, "write", lambda self, mix: writes.append(self) or write(self, mix))
    mixed.set_mix({"a": 0.5})
    assert layer.layout.weights.data_ptr() == address
    assert len(writes) == len({id(one.layout) for one in mixed._layers.values()}) <= 3 < len(mixed._layers) / 4
    assert (unet(**inputs).sample - before).abs().max() > 1e-4
    mixed.set_mix(None)


@torch.no_grad()
def test_sdxl(tmp_path, inputs):
    unet = UNet2DConditionModel.from_pretrained(tiny_sdxl(tmp_path) / "unet")
    states = torch.randn(ROWS, 32, 56)
    added = {"text_embeds": torch.randn(ROWS, 24), "time_ids": torch.randn(ROWS, 6)}
    values = {**inputs, "encoder_hidden_states": states, "added_cond_kwargs": added}
    mixture = Mixture(unet, {"a": Lora(4, 8), "b": Lora(3, 3)})
    random_experts(mixture)
    with mixture.grouped({"a": 2, "b": 2}):
        grouped = unet(**values).sample
    with mixture.mix(mixture.rows([{"a": 1}, {"a": 1}, {"b": 1}, {"b": 1}])):
        assert difference(unet(**values).sample, grouped) < FP32


