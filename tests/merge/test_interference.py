"""The interference report against dense matrices and cases one can do in the head."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.merge.interference import WHOLE, block_of, report, unrelated_cancellation
from engine.models.lora import gram
from engine.models.lora.factors import Factors
from tests.merge.small_experts import three_experts


@given(seed=st.integers(0, 99))
@settings(max_examples=25)
def test_gram_matrices_and_singular_values_equal_those_of_dense_deltas(seed):
    experts = three_experts(seed)
    for path in ("x", "conv", "y"):
        flat = [expert[path].delta().double().flatten() if path in expert else torch.zeros(1) for expert in
                experts.values()]
        for i, one in enumerate(flat):
            for j, other in enumerate(flat):
                expected = float((one * other).sum()) if len(one) == len(other) > 1 else 0.0
                assert gram.gram(experts, [path])[i, j] == pytest.approx(expected, rel=1e-5, abs=1e-4)
    values = gram.singular_values(experts["a"]["conv"])
    dense = torch.linalg.svdvals(experts["a"]["conv"].delta().double().flatten(1))
    assert torch.allclose(values, dense[:3], atol=1e-5)


def test_no_layers_delta_is_ever_formed(monkeypatch):
    experts = three_experts()
    monkeypatch.setattr(Factors, "delta", lambda *_: pytest.fail("out x in"))
    assert len(report(experts, dict.fromkeys(experts, 1.0)).blocks) >= 2


def of(*rows, scale=1.0):
    """An expert of one layer whose delta is a diagonal."""
    return {"mid_block.x": Factors(torch.eye(len(rows)), torch.diag(torch.tensor(rows)), scale)}


def test_experts_that_agree_oppose_or_ignore_each_other():
    experts = {"a": of(3.0, 0.0), "same": of(1.5, 0.0, scale=2.0), "against": of(-1.0, 0.0), "other": of(0.0, 4.0)}
    found = report(experts, {"a": 1.0, "same": 1.0, "against": 0.0, "other": 0.0})
    whole, block = found.blocks
    assert (whole.name, block.name) == (WHOLE, "mid_block") and whole.cosines == block.cosines
    assert whole.norms == pytest.approx([3, 3, 1, 4]) and whole.cancellation == pytest.approx(0)
    assert whole.cosines[0] == pytest.approx([1, 1, -1, 0]) and found.effective_ranks == pytest.approx([1, 1, 1, 1])


@pytest.mark.parametrize(("weights", "cancels"), [
    ((1, 1, 0), 1.0), ((1, 0, 1), 1 - 2 ** -0.5), ((1, -1, 0), 0.0), ((0, 0, 0), 0.0), ((2, 0, 0), 0.0)])
def test_what_cancels(weights, cancels):
    experts = {"a": of(1.0, 0.0), "b": of(-1.0, 0.0), "c": of(0.0, 1.0)}
    found = report(experts, dict(zip(experts, map(float, weights), strict=True)))
    assert found.blocks[0].cancellation == pytest.approx(cancels, abs=1e-9)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_what_unrelated_experts_lose_by_being_averaged(count):
    experts = {str(row): of(*torch.eye(count)[row].tolist()) for row in range(count)}
    whole = report(experts, {}).blocks[0]
    assert whole.cancellation == pytest.approx(unrelated_cancellation(count), abs=1e-6)


def test_effective_rank_counts_directions():
    assert gram.effective_rank(of(2.0, 2.0, 2.0)["mid_block.x"]) == pytest.approx(3)
    assert 1 < gram.effective_rank(of(2.0, 0.1)["mid_block.x"]) < 1.1
    assert gram.effective_rank(of(0.0, 0.0)["mid_block.x"]) == 0
    assert gram.cosines(torch.zeros(2, 2)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("path", "block"), [
    ("down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "down_blocks.1"),
    ("mid_block.attentions.0.proj_in", "mid_block"), ("transformer_blocks.12.attn.to_q", "transformer_blocks.12"),
    ("single_transformer_blocks.3.proj_out", "single_transformer_blocks.3"), ("conv_in", "conv_in"),
    ("time_embedding.linear_1", "time_embedding")])
def test_blocks(path, block):
    assert block_of(path) == block
