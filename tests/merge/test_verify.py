"""The verifier tells a right file from a wrong one."""
import pytest

from engine import merge
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.merge import methods, verify
from engine.models import lora_files
from engine.models.checkpoints import fingerprint
from tests.merge.test_merge import base, mixture  # noqa: F401 - fixtures

WEIGHTS = {"counting": 1.0, "styles": 0.5, "places": -0.5}


@pytest.fixture
def store(tmp_path, base, mixture):  # noqa: F811
    recipe = {"base": {"model": str(base), "sha256": fingerprint(base)}}
    for name in mixture.names:
        lora_files.write(Store(tmp_path).expert(name), mixture.expert(name), {**recipe, "name": name})
    return Store(tmp_path)


@pytest.mark.parametrize("method", plugins.names(methods))
def test_every_methods_file_is_verified(store, method):
    events = list(merge.run(merge.Config(experts=WEIGHTS, method=method, name=method), store))
    assert "Verified: plain diffusers computes the same" in events[-1].text
    assert 0 < events[-1].data["energy kept"] <= 1 + 1e-6
    assert "Verified" in (store.merge(method) / "README.md").read_text()


def test_a_file_that_holds_something_else_is_found_out(store, base, mixture, monkeypatch):  # noqa: F811
    expert = mixture.expert("counting")
    file = store.expert("counting") / lora_files.FILE_NAME
    assert verify.difference(file, str(base), None, {"x": expert}, {"x": 1.0}) < verify.MOST_DIFFERENCE
    assert verify.difference(file, str(base), None, {"x": expert}, {"x": 1.001}) > verify.MOST_DIFFERENCE
    monkeypatch.setattr(verify, "difference", lambda *_: 1e-3)
    with pytest.raises(EngineError, match="computes something else"):
        list(merge.run(merge.Config(experts=WEIGHTS, method="weighted", name="wrong"), store))
    assert not list(store.merge("wrong").glob("*.safetensors")), "it is not kept"
    assert not (store.merge("wrong") / "recipe.json").exists(), "and does not count as merged"


def test_too_little_memory_to_verify_is_told_and_the_merge_is_kept(store, monkeypatch):
    def full(*_):
        raise MemoryError
    monkeypatch.setattr(verify, "difference", full)
    events = list(merge.run(merge.Config(experts=WEIGHTS, name="m"), store))
    assert "Not verified: there is too little memory" in events[-1].text and store.merge("m").is_dir()


def test_a_base_that_is_not_here_is_not_fetched_to_verify(store, base):  # noqa: F811
    assert verify.is_here(str(base), None) and verify.is_here("storybook", None)
    assert not verify.is_here("somebody/else", None) and not verify.is_here("no such / name", None)
    events = list(merge.run(merge.Config(experts={"counting": 1.0}, name="m", verify=False), store))
    assert events[-1].text.endswith("Not verified.")
