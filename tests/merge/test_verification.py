"""The verifier tells a right file from a wrong one."""
from math import inf, isnan, nan

import pytest
from safetensors.torch import save_file

from engine import merge
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.merge import methods, verification
from engine.models.checkpoints import fingerprint
from engine.models.lora import expert_files
from engine.models.lora.factors import Factors

WEIGHTS = {"counting": 1.0, "styles": 0.5, "places": -0.5}


@pytest.fixture
def store(tmp_path, base, mixture):
    recipe = {"base": {"model": str(base), "sha256": fingerprint(base)}}
    for name in mixture.names:
        expert_files.write(Store(tmp_path).expert(name), mixture.expert(name), {**recipe, "name": name})
    return Store(tmp_path)


@pytest.mark.parametrize("method", plugins.names(methods))
def test_every_methods_file_is_verified(store, method):
    events = list(merge.run(merge.Config(experts=WEIGHTS, method=method, name=method), store))
    assert "Verified: plain diffusers computes the same" in events[-1].text
    assert 0 < events[-1].data["energy kept"] <= 1 + 1e-6
    assert "Verified" in (store.merge(method) / "README.md").read_text()


def test_a_file_that_holds_something_else_is_found_out(store, base, mixture, monkeypatch):
    expert = mixture.expert("counting")
    file = store.expert("counting") / expert_files.FILE_NAME
    assert verification.difference(file, str(base), None, {"x": expert}, {"x": 1.0}) < verification.MOST_DIFFERENCE
    assert verification.difference(file, str(base), None, {"x": expert}, {"x": 1.001}) > verification.MOST_DIFFERENCE
    monkeypatch.setattr(verification, "difference", lambda *_: 1e-3)
    with pytest.raises(EngineError, match="computes something else"):
        list(merge.run(merge.Config(experts=WEIGHTS, method="weighted", name="wrong"), store))
    assert not list(store.merge("wrong").glob("*.safetensors")), "it is not kept"
    assert not (store.merge("wrong") / "recipe.json").exists(), "and does not count as merged"


def test_what_computes_no_numbers_differs_in_every_way(tmp_path, store, base, mixture):
    """Ours or theirs: NaN is less than nothing and more than nothing."""
    good = store.expert("counting") / expert_files.FILE_NAME
    expert = mixture.expert("counting")
    huge = {path: f._replace(b=f.b * 1e30) for path, f in expert.items()}
    assert isnan(verification.difference(good, str(base), None, {"x": huge}, {"x": 1.0}))
    tensors = {f"unet.{path}.{key}": tensor.contiguous() for path, f in huge.items()
               for key, tensor in f.tensors().items()}
    save_file(tensors, tmp_path / "huge.safetensors")
    file = tmp_path / "huge.safetensors"
    assert verification.difference(file, str(base), None, {"x": expert}, {"x": 1.0}) == inf


@pytest.mark.parametrize(("weight", "found", "sentence"), [
    (1.0, nan, "no numbers .*not kept.*lower"),
    (1.0, inf, "something else .*not kept.*report"),
    (11.0, 1e-3, "as large as 11 .*rounding.*lower them")])
def test_only_what_is_close_is_kept(store, monkeypatch, weight, found, sentence):
    monkeypatch.setattr(verification, "difference", lambda *_: found)
    with pytest.raises(EngineError, match=sentence) as raised:
        list(merge.run(merge.Config(experts={"counting": weight}, method="weighted", name="off"), store))
    assert "training diverged" not in str(raised.value)
    assert not list(store.merge("off").glob("*")), "nothing is kept"


@pytest.mark.parametrize("method", plugins.names(methods))
def test_values_beyond_half_precision_are_refused_as_what_they_are(store, mixture, method):
    """An expert of others with factors that half precision just holds: nothing diverged here."""
    largest = {path: Factors(f.a / f.a.abs().max() * 6e4, f.b / f.b.abs().max() * 6e4, 1e2)
               for path, f in mixture.expert("counting").items()}
    recipe = expert_files.read_recipe(store.expert("counting"))
    expert_files.write(store.expert("counting"), largest, recipe)
    with pytest.raises(EngineError, match="too large .*lower the weights") as raised:
        list(merge.run(merge.Config(experts={"counting": 100.0}, method=method, name="off"), store))
    assert "diverged" not in str(raised.value) and not list(store.merge("off").glob("*"))


def test_too_little_memory_to_verify_is_told_and_the_merge_is_kept(store, monkeypatch):
    def full(*_):
        raise MemoryError
    monkeypatch.setattr(verification, "difference", full)
    events = list(merge.run(merge.Config(experts=WEIGHTS, name="m"), store))
    assert "Not verified: there is too little memory" in events[-1].text and store.merge("m").is_dir()


def test_a_base_that_is_not_here_is_not_fetched_to_verify(store, base):
    assert verification.is_here(str(base), None) and verification.is_here("storybook", None)
    assert not verification.is_here("somebody/else", None) and not verification.is_here("no such / name", None)
    events = list(merge.run(merge.Config(experts={"counting": 1.0}, name="m", verify=False), store))
    assert events[-1].text.endswith("Not verified.")
