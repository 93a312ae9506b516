"""A run begun when weights were known by their files' bytes goes on, and nothing is made again."""
import shutil
from pathlib import Path

import pytest

from engine import pipeline
from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.core.picture_folder import RECORD
from engine.core.store import Store, read_json
from engine.models import checkpoints, diffusion, identity
from engine.models.bases import Base
from engine.models.ensemble import Ensemble
from engine.models.lora import expert_files
from engine.studies import grid
from tests.line.miniature import results, written

MADE = ("images", "experts", "merges", "scores")


@pytest.fixture
def formerly(monkeypatch):
    """While it is entered, the engine hashes as it did."""
    def enter():
        monkeypatch.setattr(checkpoints, "fingerprint", identity.former)
        return monkeypatch.undo
    return enter


@pytest.fixture(scope="module")
def begun(recipe, tmp_path_factory):
    """A whole run of that time."""
    out = written(tmp_path_factory.mktemp("formerly"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "fingerprint", identity.former)
        assert list(pipeline.run(recipe, out))[-1].kind == "done"
    return out


@pytest.fixture
def former_run(begun, tmp_path):
    return Path(shutil.copytree(begun, tmp_path / "run"))


def times(out):
    """When each file was written; the record of what was painted is touched whenever it is checked."""
    return {path: path.stat().st_mtime_ns for part in MADE for path in (out / part).rglob("*")
            if path.suffix in (".png", ".safetensors", ".jsonl") and path.name != RECORD}


def test_it_was_begun_with_the_former_hash(former_run, recipe):
    made_with = read_toml(former_run / "recipe.toml")["made_with"]
    folder = Path(read_toml(recipe)["model"])
    weights = made_with[f"weights of {folder}"]
    assert weights == identity.former(folder) != checkpoints.fingerprint(folder)
    made = read_json(Store(former_run).expert("styles") / "recipe.json")
    assert made["base"]["sha256"] == weights


def test_a_finished_one_makes_nothing_again(former_run, recipe, monkeypatch):
    before, when = results(former_run), times(former_run)
    monkeypatch.setattr(diffusion.Painter, "sample", lambda *_, **__: pytest.fail("it paints"))
    events = list(pipeline.run(recipe, former_run))
    assert events[-1].kind == "done" and not [one for one in events if "weights of" in one.text]
    assert results(former_run) == before and times(former_run) == when


def test_one_that_had_come_to_its_experts_is_finished_on_what_it_has(former_run, recipe):
    """An expert of that time and one of today are of one base, and are merged and judged."""
    lines = {path for path in results(former_run) if path.startswith("scores")}
    before = {path: when for path, when in times(former_run).items()
              if {"images", "counting"} & set(path.parts)}
    for gone in ("merges", "scores", "experts/styles"):
        shutil.rmtree(former_run / gone)
    assert list(pipeline.run(recipe, former_run))[-1].kind == "done"
    assert {path for path in results(former_run) if path.startswith("scores")} == lines
    assert before.items() <= times(former_run).items()
    old, new = (read_json(Store(former_run).expert(name) / "recipe.json")["base"]["sha256"]
                for name in ("counting", "styles"))
    assert old != new


@pytest.mark.parametrize("begun_with", [
    "images/counting/parts/*.safetensors", "experts/*/checkpoint.safetensors"])
def test_one_stopped_on_its_way_goes_on(begun, recipe, tmp_path, formerly, begun_with):
    out = written(tmp_path / "run")
    back = formerly()
    events = pipeline.run(recipe, out)
    while not list(out.glob(begun_with)):
        next(events)
    events.close()
    back()
    when = times(out)
    assert list(pipeline.run(recipe, out))[-1].kind == "done"
    assert results(out) == results(begun)
    kept = {path: time for path, time in when.items() if path.suffix == ".png"}
    assert kept and kept.items() <= times(out).items()


def test_a_grid_goes_on_and_experts_open_on_their_base(former_run, recipe, formerly):
    model, store = read_toml(recipe)["model"], Store(former_run)
    asked = grid.Config(x="counting", y="styles", weights={"counting": 0.5, "styles": 0.5}, steps=2,
                        model=model, x_values=(0.0, 1.0), y_values=(0.0, 1.0),
                        prompts=("a red heart",))
    back = formerly()
    list(grid.run(asked, store))
    back()
    files = {path: path.stat().st_mtime_ns for path in (former_run / "grids").rglob("*.png")}
    assert list(grid.run(asked, store))[-1].kind == "done"
    assert {path: path.stat().st_mtime_ns for path in files} == files
    ensemble = Ensemble(Base(model), store, ["counting", "merged"])
    assert set(ensemble.experts) == {"counting", "merged"}


def test_other_weights_are_other_weights_still(former_run, recipe, tmp_path):
    """What is recognised is the same base by its former name, not any base."""
    model = Path(read_toml(recipe)["model"])
    copy = shutil.copytree(model, tmp_path / "other")
    unet = copy / "unet/diffusion_pytorch_model.safetensors"
    content = bytearray(unet.read_bytes())
    content[-1] ^= 1
    unet.write_bytes(bytes(content))
    assert expert_files.read_recipe(Store(former_run).expert("styles"))["base"]["sha256"]
    with pytest.raises(EngineError, match="whose weights differ from those of"):
        _ = Ensemble(Base(str(copy)), Store(former_run), ["styles"]).experts
