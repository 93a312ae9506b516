"""Every merge method acts on deltas alone; the maths of each against peft and against dense matrices."""
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft.utils import merge_utils

from engine.core import plugins
from engine.core.errors import EngineError
from engine.merge import methods, sparsity
from engine.merge.deltas import truncate, truncate_layers
from engine.models.lora.factors import Factors
from tests.merge.small_experts import three_experts
from tests.plugin_files import in_guide, install

NAMES = plugins.names(methods)
WEIGHTS = {"a": 1.0, "b": 0.5, "c": 0.25}


@pytest.fixture(params=[*NAMES, "the README's"])
def name(request, tmp_path, monkeypatch):
    """Of every method, and of the one that the README shows."""
    if request.param in NAMES:
        return request.param
    source = in_guide("README.md", "engine/merge/methods/loudest.py")
    install(methods, "readme_loudest", source, tmp_path, monkeypatch)
    return "readme_loudest"


def merged(name, experts, weights, **options):
    method = plugins.load(methods, name)
    return methods.prepare(method, experts, method.Config(**options))(weights)


def deltas(expert):
    return {path: factors.delta() for path, factors in expert.items()}


def dense(experts, weights, path):
    return sum(weights[name] * expert[path].delta() for name, expert in experts.items() if path in expert)


def layers_in(method):
    """The layers of each expert that comes into a merge: all, but for what a linear method takes none of."""
    shares = method.coefficients(WEIGHTS, method.Config()) if hasattr(method, "coefficients") else WEIGHTS
    return {name: set(expert) for name, expert in three_experts().items() if shares[name]}


def test_contract(name):
    method = plugins.load(methods, name)
    assert "](http" in method.__doc__, "cite the paper"
    once = methods.prepare(method, three_experts(), method.Config())
    first, again = once(WEIGHTS), once(WEIGHTS)
    assert set(first.expert) == set().union(*layers_in(method).values()) and 0 < first.energy_share <= 1 + 1e-6
    assert first.expert["conv"].a.shape[1:] == (4, 3, 3) and first.expert["conv"].b.shape[0] == 7
    fresh = methods.prepare(method, three_experts(), method.Config())(WEIGHTS)
    for path, delta in deltas(first.expert).items():
        assert torch.equal(delta, again.expert[path].delta()) and torch.equal(delta, fresh.expert[path].delta())
    assert not torch.equal(once({"a": 1.0, "b": 2.0, "c": 0.1}).expert["x"].delta(), first.expert["x"].delta())
    with pytest.raises(EngineError):
        once(dict.fromkeys(WEIGHTS, 0.0))
    if hasattr(method, "coefficients"):
        live = method.coefficients(WEIGHTS, method.Config())
        assert torch.allclose(first.expert["conv"].delta(), dense(three_experts(), live, "conv"), atol=1e-5)


def test_only_the_deltas_count(name):
    """The same deltas in other factors (signs, sizes, a useless rank) merge to the same."""
    def otherwise(factors):
        padding = torch.zeros(1, *factors.a.shape[1:])
        return Factors(torch.cat([-2 * factors.a, padding]), torch.cat([-factors.b, factors.b[:, :1]], 1),
                       factors.scale / 2)
    disguised = {name: {path: otherwise(f) for path, f in expert.items()} for name, expert in three_experts().items()}
    options = {"rank": 4} if "rank" in {field.name for field in fields(plugins.load(methods, name).Config)} else {}
    ours = deltas(merged(name, three_experts(), WEIGHTS, **options).expert)
    theirs = deltas(merged(name, disguised, WEIGHTS, **options).expert)
    assert all(torch.allclose(ours[path], theirs[path], atol=1e-4) for path in ours)


def test_an_expert_without_weight_leaves_no_trace(name):
    without = {name: expert for name, expert in three_experts().items() if name != "c"}
    ours = merged(name, three_experts(), {"a": 1.0, "b": 0.5, "c": 0.0}).expert
    theirs = merged(name, without, {"a": 1.0, "b": 0.5}).expert
    assert set(ours) == set(theirs) == {"x", "conv"}
    assert all(torch.allclose(ours[path].delta(), theirs[path].delta(), atol=1e-5) for path in ours)


@given(seed=st.integers(0, 99), rank=st.integers(1, 12))
@settings(max_examples=25)
def test_compress_is_the_closest_of_its_rank_and_reports_the_energy(seed, rank):
    experts = three_experts(seed)
    found = merged("compress", experts, WEIGHTS, rank=rank)
    kept = whole = 0.0
    for path, factors in found.expert.items():
        sum_of_deltas = dense(experts, WEIGHTS, path)
        best = truncate(sum_of_deltas, rank)
        assert factors.rank <= rank and torch.allclose(factors.delta(), best.factors.delta(), atol=1e-4)
        kept, whole = kept + best.energy, whole + best.full_energy
        if rank >= 6:
            assert torch.allclose(factors.delta(), sum_of_deltas, atol=1e-4)
    assert found.energy_share == pytest.approx(kept / whole, abs=1e-5)


@pytest.mark.parametrize("density", [0.2, 0.5, 0.9])
def test_ties_equals_pefts_on_whole_deltas(density):
    experts = {name: {"x": expert["x"]} for name, expert in three_experts().items()}
    found = merged("ties", experts, dict.fromkeys(experts, 1.0), density=density, rank=5)
    expected = merge_utils.ties([expert["x"].delta() for expert in experts.values()], torch.ones(3), density, "total")
    assert torch.allclose(found.expert["x"].delta(), expected, atol=1e-5) and found.energy_share == pytest.approx(1)


def test_ties_by_hand():
    """Trim to two of three entries, elect signs, take the weighted mean of those that agree."""
    def of(*values):
        return {"x": Factors(torch.tensor([values]), torch.ones(1, 1), 1.0)}
    experts = {"a": of(4.0, 1.0, -3.0), "b": of(2.0, -5.0, 1.0)}
    found = merged("ties", experts, {"a": 1.0, "b": 3.0}, density=2 / 3).expert["x"].delta()
    assert torch.allclose(found, torch.tensor([[(4 + 6) / 4, -5.0, -3.0]]), atol=1e-6)
    doubled = merged("ties", experts, {"a": 2.0, "b": 6.0}, density=2 / 3, strength=2.0).expert["x"].delta()
    assert torch.allclose(doubled, 2 * found, atol=1e-6), "weights are relative; strength is not"


def test_dare_drops_by_seed_and_keeps_the_expectation():
    thin, delta = sparsity.keep_at_random(0.25, seed=3), torch.randn(40, 50, generator=torch.Generator().manual_seed(1))
    once = thin(delta, "a", "x")
    assert torch.equal(once, thin(delta, "a", "x"))
    assert not torch.equal(once, thin(delta, "b", "x")) and not torch.equal(once, thin(delta, "a", "y"))
    assert torch.allclose(once[once != 0], 4 * delta[once != 0])
    mean = torch.stack([sparsity.keep_at_random(0.25, seed=s)(delta, "a", "x") for s in range(400)]).mean(0)
    error = (mean - delta) / (delta.abs() * (3 / 400) ** 0.5)
    assert error.abs().mean() < 0.9 and error.mean().abs() < 0.1, "unbiased: the errors are standard normal"


def test_dare_with_everything_kept_is_the_weighted_sum_or_ties_without_trimming():
    for agree, other in (("sum", ("weighted", {})), ("elected sign", ("ties", {"density": 1.0}))):
        ours = merged("dare", three_experts(), WEIGHTS, density=1.0, agree=agree).expert
        theirs = merged(other[0], three_experts(), WEIGHTS, **other[1]).expert
        assert all(torch.allclose(ours[path].delta(), theirs[path].delta(), atol=1e-4) for path in ours)


def test_trimmed_deltas_may_also_be_summed():
    experts, thin = three_experts(), sparsity.keep_largest(0.5)
    found = merged("ties", experts, WEIGHTS, density=0.5, agree="sum", rank=8).expert
    for path in found:
        own = {name: thin(expert[path].delta(), name, path) for name, expert in experts.items() if path in expert}
        assert torch.allclose(found[path].delta(), sum(WEIGHTS[name] * delta for name, delta in own.items()), atol=1e-4)


def test_thinning_happens_once_and_a_slider_only_weighs():
    calls, thin = [], sparsity.keep_largest(0.5)

    def counted(delta, *whose):
        calls.append(whose)
        return thin(delta, *whose)

    merge = sparsity.prepare(three_experts(), counted, "sum", 0, 1.0)
    for weight in (1.0, 0.5, 0.2):
        merge({"a": weight, "b": 1.0, "c": 1.0})
    assert len(calls) == len(set(calls)) == 6


def test_compress_decomposes_the_factors_once(monkeypatch):
    method, calls, qr = plugins.load(methods, "compress"), [], torch.linalg.qr
    monkeypatch.setattr(torch.linalg, "qr", lambda matrix: calls.append(matrix.shape) or qr(matrix))
    merge = methods.prepare(method, three_experts(), method.Config())
    assert len(calls) == 6, "both sides of three layers"
    merge(WEIGHTS), merge({"a": 0.5})
    assert len(calls) == 6


def test_thinned_deltas_beyond_the_budget_are_computed_anew(monkeypatch):
    kept = merged("ties", three_experts(), WEIGHTS)
    monkeypatch.setattr(sparsity, "MEMORY_BYTES", 0)
    anew = merged("ties", three_experts(), WEIGHTS)
    assert all(torch.equal(kept.expert[path].delta(), anew.expert[path].delta()) for path in kept.expert)


def test_a_lower_rank_keeps_less_energy():
    kept = [merged("ties", three_experts(), WEIGHTS, rank=rank, density=0.5).energy_share for rank in (1, 2, 4, 8)]
    assert kept == sorted(kept) and kept[0] < 0.9 and kept[-1] == pytest.approx(1)


def test_what_is_beyond_single_precision_is_a_sentence_and_no_decomposition():
    with pytest.raises(EngineError, match="of x .*precision. Lower the weights"):
        truncate_layers([("x", torch.full((4, 4), 1e25), 2)])
    experts = {"a": {"x": Factors(torch.ones(2, 6) * 1e20, torch.ones(5, 2) * 1e20, 1.0)}}
    for name in ("compress", "ties", "dare"):
        with pytest.raises(EngineError, match="delta of x is beyond single precision"):
            merged(name, experts, {"a": 1.0})
