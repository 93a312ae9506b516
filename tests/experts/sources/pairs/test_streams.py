"""Which pairs an expert sees, and what is refused of pairs that people bring."""
import pytest
import torch

from engine.core.errors import EngineError
from engine.core.store import write_records
from engine.experts.devices import Devices
from engine.experts.sources import pairs
from engine.experts.sources.pairs.records import Pair, folder
from engine.models.diffusion import Painter
from tests.experts.worlds import config


@pytest.fixture
def painter(pipe, base):
    return Painter(pipe, torch.device("cpu"), "tiny", base)


def loaded(store, painter, *found):
    """The pairs of counting, given as (better, worse)."""
    lines = [Pair("", "counting", f"{better}.png", f"{worse}.png") for better, worse in found]
    write_records(folder(store, "counting").pairs, lines)
    loading = pairs.load(store, ["counting"], painter, Devices())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            return end.value


def test_a_row_is_a_pair_of_pictures_under_one_draw(store, painter, base):
    data = loaded(store, painter, (0, 4), (5, 1), (2, 6))
    asked = config(base, experts={"a": ["counting"]}, batch_size=5, caption_dropout=0.5, flip=True)
    batch = data.stream("a", asked).batch(0, 1000)
    assert torch.equal(batch.better.noise, batch.worse.noise)
    assert torch.equal(batch.better.timesteps, batch.worse.timesteps)
    assert batch.better.text is batch.worse.text, "captions are dropped together"
    library = data.library.latents_NCHW
    for better, worse in zip(batch.better.latents, batch.worse.latents, strict=True):
        pictures = [(name, flipped) for name, one in enumerate(library) for flipped in (False, True)
                    for found in (better, worse) if torch.equal(found, one.flip(-1) if flipped else one)]
        (first, mirrored), (second, too) = pictures
        assert {first, second} in ({0, 4}, {1, 5}, {2, 6}) and mirrored == too, "and mirrored together"


def test_the_pairs_of_one_caption_are_held_out_together(store, painter, base):
    """Captions are those of picture i % 4, so 0 and 4 have one."""
    data = loaded(store, painter, (0, 4), (4, 0), (1, 5), (5, 1), (2, 6), (6, 2))
    stream = data.stream("a", config(base, experts={"a": ["counting"]}, held_out=0.34))
    caption_of = [data.library.texts[row] for row in data.better]
    learned, held_out = ({caption_of[item] for item in items} for items in
                         (stream.split.learned, stream.split.held_out))
    assert len(stream.split.held_out) == 2 and len(held_out) == 1 and not learned & held_out
    assert stream.captions() == [*held_out] * 2


def test_what_is_held_out_is_measured_alike_whenever(store, painter, base):
    data = loaded(store, painter, (0, 4), (1, 5), (2, 6))
    stream = data.stream("a", config(base, experts={"a": ["counting"]}))
    once, again = list(stream.held_out(1000)), list(stream.held_out(1000))
    for one, other in zip(once, again, strict=True):
        assert torch.equal(one.better.noise, other.better.noise) and torch.equal(one.better.noise, one.worse.noise)


@pytest.mark.parametrize(("pair", "words"), [
    (("9", "1"), "'9.png'.* no picture of counting"),
    (("0", "1"), "captions are not the same"),
    (("0", "0"), "line 1, .*better and worse"),
    (("../0", "1"), "line 1, .*no file of this folder")])
def test_pairs_that_are_none_are_told_by_name(store, painter, pair, words):
    with pytest.raises(EngineError, match=words):
        loaded(store, painter, pair)


def test_an_empty_file_is_told(store, painter):
    with pytest.raises(EngineError, match="is empty"):
        loaded(store, painter)
