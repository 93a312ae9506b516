"""Merges: what the file holds is what the sliders showed."""
import json

import pytest
import torch
from diffusers import StableDiffusionPipeline
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import merge
from engine.core import plugins
from engine.core.errors import EngineError
from engine.merge import methods
from engine.merge.deltas import concatenate
from engine.models import tensor_files
from engine.models.lora import expert_files
from engine.models.lora.factors import Factors
from engine.models.mixture import Mixture
from tests.merge.small_experts import BASE
from tests.models.lora_files import paint


def run(store, **config):
    return list(merge.run(merge.Config(**config), store))


ranks = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(ranks=ranks, seed=st.integers(0, 99), strength=st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=25, deadline=None)
def test_the_average_is_the_mean_of_the_deltas(ranks, seed, strength):
    average = plugins.load(methods, "average")
    generator = torch.Generator().manual_seed(seed)
    experts = {f"e{i}": {"x": Factors(torch.randn(r, 6, generator=generator),
                                      torch.randn(5, r, generator=generator), 0.5 + i)}
               for i, r in enumerate(ranks)}
    merged = methods.prepare(average, experts, average.Config(strength=strength))(dict.fromkeys(experts, 0.7)).expert
    mean = torch.stack([expert["x"].delta() for expert in experts.values()]).mean(0)
    assert torch.allclose(merged["x"].delta(), strength * mean, atol=1e-5)
    assert merged["x"].rank == sum(ranks) and merged["x"].scale == 1.0


def test_a_mean_of_factors_would_have_been_something_else():
    """Two identical experts: averaging deltas gives the expert, averaging A and B apart too, but opposite
    factors (-A, -B) are the same delta and would cancel to nothing."""
    a, b = torch.randn(2, 6), torch.randn(5, 2)
    twins = {"one": {"x": Factors(a, b, 1.0)}, "other": {"x": Factors(-a, -b, 1.0)}}
    average = plugins.load(methods, "average")
    merged = methods.prepare(average, twins, average.Config())({"one": 1.0, "other": 1.0}).expert
    assert torch.allclose(merged["x"].delta(), b @ a, atol=1e-6)


def test_layers_that_only_some_experts_have():
    one = Factors(torch.ones(1, 3), torch.ones(2, 1), 1.0)
    two = Factors(torch.ones(2, 3), torch.ones(2, 2), 1.0)
    merged = concatenate({"a": {"x": one}, "b": {"x": two, "y": two}}, {"a": 0.5, "b": 0.25}).expert
    assert torch.equal(merged["x"].delta(), 0.5 * one.delta() + 0.25 * two.delta())
    assert torch.equal(merged["y"].delta(), 0.25 * two.delta())


@pytest.mark.parametrize(("method", "weights"), [
    ("average", {"counting": 1, "styles": 1, "places": 1}),
    ("weighted", {"counting": 0.8, "styles": -0.3, "places": 1.5}),
    ("weighted", {"places": 0.6})])
def test_plain_diffusers_paints_what_the_sliders_showed(base, mixture, store, method, weights):
    events = run(store, experts=weights, name="all", method=method)
    assert events[-1].kind == "done" and [e.kind for e in events[:-1]] == ["progress"] * len(weights)
    pipe = StableDiffusionPipeline.from_pretrained(base)
    pipe.set_progress_bar_config(disable=True)
    before = paint(pipe)
    pipe.load_lora_weights(store.merge("all"))
    theirs = paint(pipe)
    pipe.unload_lora_weights()
    plugin = plugins.load(methods, method)
    with Slid(pipe, mixture, plugin.coefficients(weights, plugin.Config())) as ours:
        assert (ours - theirs).abs().max() < 1e-5
    assert (theirs - before).abs().max() > 1e-2


class Slid:
    """Pictures of the same pipeline with the experts live beside it."""

    def __init__(self, pipe, mixture, weights):
        self.pipe, self.weights = pipe, weights
        self.mixture = Mixture(pipe.unet, {name: mixture.expert(name) for name in mixture.names})

    def __enter__(self):
        with self.mixture.mix(self.weights):
            return paint(self.pipe)

    def __exit__(self, *_):
        self.mixture.remove()


def test_the_recipe_names_weights_and_parents(store):
    run(store, experts={"counting": 1, "styles": 3}, name="two", options={"strength": 0.5})
    recipe = json.loads((store.merge("two") / "recipe.json").read_text())
    assert recipe == expert_files.read_recipe(store.merge("two"))
    assert recipe["experts"] == {"counting": 1, "styles": 3} and recipe["options"] == {"strength": 0.5}
    file = store.expert("styles") / expert_files.FILE_NAME
    assert recipe["parents"]["styles"] == {"sha256": tensor_files.sha256(file), "base": BASE}
    card = (store.merge("two") / "README.md").read_text()
    assert card.startswith("---\n") and "| styles | 3 |" in card and "load_lora_weights" in card
    assert f"`{tensor_files.sha256(store.merge('two') / expert_files.FILE_NAME)}`" in card


def test_the_same_merge_is_not_repeated_and_another_one_does_not_take_its_place(store, mixture):
    file = store.merge("m") / expert_files.FILE_NAME
    run(store, experts={"counting": 1}, name="m")
    before = file.stat().st_mtime_ns
    (event,) = run(store, experts={"counting": 1}, name="m")
    assert event.kind == "done" and file.stat().st_mtime_ns == before
    other = {"experts": {"counting": 1}, "name": "m", "method": "weighted", "options": {"strength": 2}}
    with pytest.raises(EngineError, match="'m' .*method average -> weighted.*name"):
        run(store, **other)
    assert file.stat().st_mtime_ns == before
    run(store, **other, replace=True)
    assert file.stat().st_mtime_ns > before
    changed = {path: Factors(f.a * 2, f.b, f.scale) for path, f in mixture.expert("counting").items()}
    expert_files.write(store.expert("counting"), changed, {"base": BASE})
    assert len(run(store, **other)) == 2, "of experts trained anew it is made anew"


@pytest.mark.parametrize(("config", "sentence"), [
    ({"experts": {"nobody": 1}}, "'nobody'.* counting, places, styles"),
    ({"experts": {}}, "nothing to merge"),
    ({"experts": {"counting": 0, "styles": 0}}, "sum to 0"),
    ({"experts": {"counting": 0}, "method": "weighted"}, "Every weight is zero"),
    ({"experts": {"counting": "much"}}, "Give it a number"),
    ({"experts": {"counting": float("nan")}}, "counting is nan. Give it a number"),
    ({"experts": {"counting": 1e300}}, r"counting is 1e\+300.*-100 and 100"),
    ({"experts": {"counting": 1, "styles": -1e12}}, r"styles is -1e\+12.*-100 and 100"),
    ({"experts": {"counting": 10**400}}, "counting is far off.*-100 and 100"),
    ({"experts": {"counting": 1}, "method": "magic"}, ", ".join(plugins.names(methods))),
    ({"experts": {"counting": 1}, "options": {"strenght": 1}}, "no option called 'strenght'"),
    ({"experts": {"counting": 1}, "options": {"strength": 11}}, "between 0.0 and 10.0"),
    ({"experts": {"counting": 1}, "name": "../out"}, "cannot be the name"),
])
def test_what_cannot_be_merged_is_refused_with_the_remedy(store, config, sentence):
    with pytest.raises(EngineError, match=sentence):
        run(store, **config)
    assert not (store.folder / "merges").exists()


def test_experts_of_different_bases_are_refused(store, mixture):
    expert_files.write(store.expert("styles"), mixture.expert("styles"), {"base": {"model": "other"}})
    with pytest.raises(EngineError, match="Choose those of one base"):
        run(store, experts={"counting": 1, "styles": 1})
