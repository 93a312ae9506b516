"""Conditions: rows of named tensors, whatever their names."""
import torch

from engine.models.conditions import Conditions, from_stored, to_store

NAMES = {"embeddings": "empty_embedding", "pooled": "empty_pooled", "time_ids": None}


def some(rows, tokens=3, start=0.0):
    values = torch.arange(rows).float() + start
    return Conditions({"embeddings": values.view(-1, 1, 1).expand(-1, tokens, 2).clone(),
                       "pooled": values.view(-1, 1).expand(-1, 5).clone(),
                       "time_ids": torch.full((rows, 6), 64.0)})


def masked(tokens):
    count = torch.tensor(tokens)
    longest = int(count.max())
    embeddings = torch.randn(len(tokens), longest, 2)
    return Conditions({"embeddings": embeddings, "mask": torch.arange(longest) < count[:, None]})


def test_rows_are_those_of_every_tensor():
    assert some(4).rows(torch.tensor([2, 0]))["pooled"][:, 0].tolist() == [2.0, 0.0]
    part = some(4).rows(slice(1, 3))
    assert len(part) == 2 and part["embeddings"][:, 0, 0].tolist() == [1.0, 2.0] and part["time_ids"].shape == (2, 6)


def test_cat_joins_every_tensor():
    joined = Conditions.cat([some(2), some(1, start=7.0)])
    assert joined["embeddings"][:, 0, 0].tolist() == [0.0, 1.0, 7.0] == joined["pooled"][:, 0].tolist()
    assert joined.mask is None and "mask" not in joined


def test_texts_of_different_length_are_filled_up_with_tokens_that_do_not_count():
    short, long = masked([2, 1]), masked([4])
    joined = Conditions.cat([short, long])
    assert joined["embeddings"].shape == (3, 4, 2)
    assert joined.mask.sum(1).tolist() == [2, 1, 4]
    assert torch.equal(joined["embeddings"][:2, :2], short["embeddings"])
    assert not joined["embeddings"][:2, 2:].any()


def test_to_moves_fractions_and_leaves_a_mask_what_it_is():
    half = masked([2]).to("cpu", torch.float16)
    assert half["embeddings"].dtype == torch.float16 and half.mask.dtype == torch.bool
    assert some(1).to(dtype=torch.float64)["pooled"].dtype == torch.float64
    assert some(1).to("cpu")["pooled"].dtype == torch.float32


def test_dropped_rows_become_the_empty_one():
    empty = some(1, start=9.0).to(dtype=torch.float64)
    changed = some(3).replaced(torch.tensor([False, True, False]), empty)
    assert changed["embeddings"][:, 0, 0].tolist() == [0.0, 9.0, 2.0] == changed["pooled"][:, 0].tolist()
    assert changed["pooled"].dtype == torch.float32


def test_what_is_stored_is_read_again_bit_for_bit():
    text, empty = some(3), some(1, start=9.0)
    stored = to_store(text, empty, NAMES)
    assert set(stored) == {"embeddings", "empty_embedding", "pooled", "empty_pooled", "time_ids"}
    again, again_empty = from_stored({**stored, "latents": torch.zeros(3)}, NAMES)
    for name in NAMES:
        assert torch.equal(again[name], text[name]) and torch.equal(again_empty[name], empty[name])
