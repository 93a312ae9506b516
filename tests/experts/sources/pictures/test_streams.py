"""Which pictures an expert sees when: a function of seed, name and step alone."""
import pytest
import torch

from engine.experts import Training
from engine.experts.sources.pictures.batches import Batch
from engine.experts.sources.pictures.library import Library
from engine.experts.sources.pictures.splits import Split, split
from engine.experts.sources.pictures.streams import HELD_OUT_TIMES, Stream
from engine.models.conditions import Conditions


def library_of(*skills, xl=False):
    """Row i's latents, tokens and pooled are all i; skills are (name, count)."""
    rows, start = {}, 0
    for name, count in skills:
        rows[name] = range(start, start + count)
        start += count
    values = torch.arange(start).float()
    text, empty = {"embeddings": values.view(-1, 1, 1).expand(-1, 3, 2) + 1}, {"embeddings": torch.zeros(1, 3, 2)}
    if xl:
        text |= {"pooled": values.view(-1, 1) + 1, "time_ids": torch.ones(start, 6)}
        empty |= {"pooled": torch.zeros(1, 1), "time_ids": torch.ones(1, 6)}
    latents = values.view(-1, 1, 1, 1).expand(-1, 2, 4, 4) + torch.arange(4) / 10
    return Library(latents, Conditions(text), Conditions(empty), [str(i) for i in range(start)], rows,
                   torch.float32, torch.float32)


def stream(library, rows=None, name="counting", seed=1, **training):
    rows = rows or Split([*range(10)], [])
    options = {"batch_size": 4, "steps": 9, "caption_dropout": 0.0} | training
    return Stream(name, library, rows, Training(**options), seed)


def choose(library, skills, shard, share, seed):
    groups = {skill: [[row] for row in rows] for skill, rows in library.rows.items()}
    return split(groups, skills, shard, share, seed)


def seen(batch):
    return batch.latents[:, 0, 0, 0].long().tolist()


def test_every_epoch_shows_every_picture_once():
    own = stream(library_of(("counting", 10)))
    shown = [row for step in range(9) for row in seen(own.batch(step, 1000))]
    epochs = [shown[:10], shown[10:20], shown[20:30]]
    assert all(sorted(epoch) == [*range(10)] for epoch in epochs) and epochs[0] != epochs[1]


def test_a_batch_depends_on_seed_name_and_step_alone():
    library = library_of(("counting", 10))
    batch = stream(library).batch(3, 1000)
    shifted = library_of(("styles", 7), ("counting", 10))
    same = stream(shifted, Split([*range(7, 17)], []), steps=5).batch(3, 1000)
    assert [row - 7 for row in seen(same)] == seen(batch)
    assert torch.equal(same.noise, batch.noise) and torch.equal(same.timesteps, batch.timesteps)
    for other in (stream(library, seed=2).batch(3, 1000), stream(library, name="styles").batch(3, 1000),
                  stream(library).batch(4, 1000)):
        assert not torch.equal(other.noise, batch.noise)


def test_dropout_and_flip_change_nothing_else():
    library = library_of(("counting", 10), xl=True)
    plain, changed = stream(library).batch(0, 1000), stream(library, caption_dropout=0.5, flip=True).batch(0, 1000)
    assert torch.equal(plain.noise, changed.noise) and torch.equal(plain.timesteps, changed.timesteps)
    dropped = changed.text["embeddings"][:, 0, 0] == 0
    assert torch.equal(changed.text["pooled"][:, 0] == 0, dropped), "both encoders lose the same captions"
    assert torch.equal(changed.text["embeddings"][~dropped], plain.text["embeddings"][~dropped])
    mirrored = (changed.latents != plain.latents).flatten(1).any(1)
    assert torch.equal(changed.latents[mirrored], plain.latents[mirrored].flip(-1))


def test_rates_of_dropout_and_flip():
    own = stream(library_of(("counting", 10)), batch_size=400, steps=2, caption_dropout=0.3, flip=True)
    batch = own.batch(0, 1000)
    assert abs((batch.text["embeddings"][:, 0, 0] == 0).float().mean() - 0.3) < 0.07
    fraction = (batch.latents[:, 0, 0, 0] % 1 > 0.2).float().mean()
    assert abs(fraction - 0.5) < 0.08


def test_accumulation_draws_what_the_big_batch_draws():
    library = library_of(("counting", 10))
    big, small = stream(library, batch_size=6), stream(library, batch_size=2, accumulation=3)
    parts = [small.batch(1, 1000)[first:first + 2] for first in (0, 2, 4)]
    assert torch.equal(Batch.cat(parts).noise, big.batch(1, 1000).noise)
    assert seen(Batch.cat(parts)) == seen(big.batch(1, 1000))


def test_what_is_held_out_depends_on_the_skill_alone():
    alone = choose(library_of(("counting", 20)), ["counting"], None, 0.2, seed=3)
    library = library_of(("styles", 10), ("counting", 20))
    joint = choose(library, ["counting", "styles"], None, 0.2, seed=3)
    assert len(alone.held_out) == 4 and len(joint.held_out) == 6
    assert not set(joint.held_out) & set(joint.learned)
    assert [row - 10 for row in joint.held_out if row >= 10] == alone.held_out


def test_shards_share_the_rows_out():
    library = library_of(("styles", 10), ("counting", 21))
    whole = choose(library, ["counting", "styles"], None, 0.2, seed=3)
    shards = [choose(library, ["counting", "styles"], [i, 5, 9], 0.2, seed=3) for i in range(5)]
    assert sorted(row for shard in shards for row in shard.learned) == sorted(whole.learned)
    assert sorted(row for shard in shards for row in shard.held_out) == sorted(whole.held_out)
    assert choose(library, ["counting", "styles"], [0, 5, 10], 0.2, seed=3) != shards[0]
    assert {len(shard.learned) for shard in shards} == {5}


@pytest.mark.parametrize(("count", "share", "held_out"), [(1, 0.2, 0), (2, 0.01, 1), (10, 0.0, 0), (3, 0.5, 2)])
def test_at_least_one_is_held_out_and_at_least_one_is_learned(count, share, held_out):
    rows = choose(library_of(("counting", count)), ["counting"], None, share, seed=0)
    assert len(rows.held_out) == held_out and len(rows.learned) == count - held_out


def test_held_out_noise_and_times_are_fixed_and_follow_the_picture():
    library = library_of(("styles", 10), ("counting", 20))
    one = [*stream(library, Split([0], [12, 15])).held_out(1000)]
    two = [*stream(library, Split([0], [15]), name="joint", batch_size=100).held_out(1000)]
    assert [len(batch) for batch in one] == [HELD_OUT_TIMES, HELD_OUT_TIMES]
    assert one[0].timesteps.tolist() == [125, 375, 625, 875]
    assert torch.equal(one[1].noise, two[0].noise) and seen(two[0]) == [15] * HELD_OUT_TIMES
    assert not torch.equal(one[0].noise, one[1].noise)
