"""Every objective and every source keeps the same promises; a new file is tested by being there."""
import pytest
import torch

from engine import experts
from engine.core import plugins
from engine.experts import objectives, sources
from engine.experts.devices import Devices
from engine.experts.predictions import Predictions
from engine.models.denoiser import Denoiser
from engine.models.diffusion import Painter
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from tests.experts.worlds import config, draw_scenes

OBJECTIVES, SOURCES = plugins.names(objectives), plugins.names(sources)
JUDGE = {"judge": "storybook"}
"""An option of the sources that need one."""


@pytest.fixture
def painter(pipe, base):
    return Painter(pipe, torch.device("cpu"), "tiny", base)


@pytest.fixture
def drawn(store, base):
    draw_scenes(store, "places", base)
    return store


def options_of(plugin):
    return plugin.Config(**{name: value for name, value in JUDGE.items() if hasattr(plugin.Config(), name)})


def loaded(source, store, painter):
    """The source's data of one skill, prepared."""
    list(source.prepare(options_of(source), store, ["places"], False))
    loading = source.load(store, ["places"], painter, Devices())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            return end.value


def stream_of(source, store, painter, base, **changes):
    asked = config(base, experts={"a": ["places"]}, batch_size=3, **changes)
    return loaded(source, store, painter).stream("a", asked)


@pytest.mark.parametrize("name", SOURCES)
def test_a_sources_contract(name, drawn, painter, base):
    source = plugins.load(sources, name)
    assert source.THINGS and source.Config() == source.Config()
    source.check(options_of(source))
    stream = stream_of(source, drawn, painter, base)
    assert set(source.HASHES) == set(source.fingerprint(drawn, ["places"]))
    assert source.fingerprint(drawn, ["places"]) == source.fingerprint(drawn, ["places"])
    assert stream.split.learned and stream.split.held_out and not set(stream.split.learned) & set(stream.split.held_out)
    assert len(stream.captions()) == len(stream.split.held_out)
    batch = stream.batch(0, 1000)
    assert len(batch) == 3 and len(batch[1:]) == 2 and len(type(batch).cat([batch, batch[:1]])) == 4
    held_out = list(stream.held_out(1000))
    assert sum(map(len, held_out)) == 4 * len(stream.split.held_out), "each at four noise levels"


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_source_has_prepared_it_does_not_prepare_again(name, drawn):
    source = plugins.load(sources, name)
    list(source.prepare(options_of(source), drawn, ["places"], False))
    before = source.fingerprint(drawn, ["places"])
    assert list(source.prepare(options_of(source), drawn, ["places"], False)) == []
    assert source.fingerprint(drawn, ["places"]) == before


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objectives_contract(name, drawn, painter, base):
    objective = plugins.load(objectives, name)
    assert "](http" in objective.__doc__, "cite the paper"
    assert objective.NEEDS in SOURCES
    source = plugins.load(sources, objective.NEEDS)
    assert issubclass(objective.Config, source.Config), "its form has its source's options, too"
    batch = stream_of(source, drawn, painter, base).batch(0, 1000)
    denoiser = Denoiser(painter)
    mixture = Mixture(painter.module, {"a": Lora(2, 2), "b": Lora(2, 2)})
    with Predictions(denoiser, mixture, {"a": 2, "b": 1}) as model:
        losses = objective.loss(model, batch, options_of(objective))
        assert losses.shape == (3,) and losses.isfinite().all() and losses.dtype == torch.float32
        losses.mean().backward()
    mixture.remove()
    for expert in ("a", "b"):
        assert any(p.grad.abs().max() > 0 for p in mixture.parameters_of(expert))
    assert all(p.grad is None for p in painter.module.parameters()), "the base is frozen"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_stage_trains_by_every_objective(name, drawn, base):
    asked = config(base, experts={"a": ["places"]}, steps=2, objective=name,
                   options=JUDGE if plugins.load(objectives, name).NEEDS == "pairs" else {})
    assert list(experts.run(asked, drawn))[-1].kind == "done"
    (last,) = experts.run(asked, drawn)
    assert last.kind == "done", "and repeats nothing"
