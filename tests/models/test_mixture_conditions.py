"""Every family under what users switch on: half precision, recomputed activations, torch.compile."""
import copy

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from engine.models.lora.factors import ATTENTION, Lora
from engine.models.mixture import Mixture
from tests.models.experts import FP32, ROWS, difference, of_type, random_experts
from tests.models.networks import UNETS, flux, sd3
from tests.tiny_models import tiny_unet

FAMILIES = (*UNETS, "sd3", "flux")


@pytest.fixture(params=FAMILIES)
def family(request, inputs, tmp_path):
    """A frozen model, what it is called with, and two experts of other targets and ranks beside it."""
    torch.manual_seed(2)
    if request.param in UNETS:
        dimensions, changes = UNETS[request.param]
        model = tiny_unet(dimensions, **changes)
        values = dict(inputs) | {"encoder_hidden_states": torch.randn(ROWS, 9, dimensions)}
        if request.param == "sdxl":
            values["added_cond_kwargs"] = {"text_embeds": torch.randn(ROWS, 24),
                                           "time_ids": torch.full((ROWS, 6), 64.0)}
    else:
        model, values = {"sd3": sd3, "flux": flux}[request.param](tmp_path)
    return model.requires_grad_(False).eval(), values


def mixed(model, scale=0.05):
    mixture = Mixture(model, {"a": Lora(3, 5, ATTENTION), "b": Lora(2, 2, ("to_v",))})
    random_experts(mixture, scale)
    return mixture


def test_recomputed_activations_give_the_same_gradients(family):
    model, values = family
    mixture = mixed(model)
    parameters = [*mixture.parameters_of("a"), *mixture.parameters_of("b")]

    def gradients(recompute):
        model.train(recompute)
        (model.enable_gradient_checkpointing if recompute else model.disable_gradient_checkpointing)()
        with mixture.grouped({"a": ROWS - 1, "b": 1}):
            model(**values).sample.pow(2).mean().backward()
        found = [parameter.grad for parameter in parameters]
        for parameter in parameters:
            parameter.grad = None
        return found

    kept, recomputed = gradients(False), gradients(True)
    assert sum(one is not None and one.abs().max() > 0 for one in kept) >= 8
    for one, other in zip(kept, recomputed, strict=True):
        assert (one is None) == (other is None) and (one is None or (one - other).abs().max() < FP32)


@torch.no_grad()
def test_half_precision_is_close_beside_what_the_experts_do(family):
    model, values = family
    half, theirs = copy.deepcopy(model).to(torch.bfloat16), mixed(model, 0.3)
    ours, rounded = mixed(half, 0.3), of_type(values, torch.bfloat16)
    mixes = [{}, {"a": 1.0}, {"b": -1.0}, {"a": 0.5, "b": 0.5}]
    bare = model(**values).sample
    with theirs.mix(theirs.rows(mixes)):
        exact = model(**values).sample
    with ours.mix(ours.rows(mixes)):
        live = half(**rounded).sample.float()
    effect = difference(exact[1:], bare[1:])
    assert effect > 0.02 and difference(live, exact) < effect / 2


@torch.no_grad()
def test_a_compiled_model_follows_the_sliders_without_compiling_again(family):
    model, values = family
    mixture, counter = mixed(model), CompileCounter()
    torch._dynamo.reset()
    compiled, seen = torch.compile(model, backend=counter, fullgraph=True), []
    for mix in ({"a": 1.0}, {"a": 0.2, "b": 1.0}, {"b": -1.0}):
        with mixture.mix(mix):
            seen.append(compiled(**values).sample)
            assert difference(seen[-1], model(**values).sample) < FP32
    assert counter.frame_count == 1 and difference(seen[0], seen[1]) > 1e-4
    torch._dynamo.reset()


@torch.no_grad()
def test_rows_doubled_for_guidance_keep_their_mixtures(family):
    model, values = family
    mixture = mixed(model)
    mixture.set_mix(mixture.rows([{}, {"a": 1.0}, {"b": -1.0}, {"a": 0.5, "b": 0.5}]))
    unguided = {**values, "encoder_hidden_states": torch.zeros_like(values["encoder_hidden_states"])}

    def twice(one, other):
        """Both halves of what has a row a picture; positions have none."""
        if isinstance(one, dict):
            return {key: twice(one[key], other[key]) for key in one}
        return torch.cat([one, other]) if one.dim() and len(one) == ROWS else one

    together = model(**twice(values, unguided)).sample
    for half, part in zip(together.chunk(2), (values, unguided), strict=True):
        assert difference(half, model(**part).sample) < FP32
