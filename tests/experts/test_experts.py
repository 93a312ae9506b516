"""The stage as a whole: files, events, resuming, stopping, refusals."""
import json
import math

import pytest
import torch
from safetensors import safe_open

from engine import experts
from engine.core.config import build
from engine.core.errors import Stopped
from engine.core.store import Store
from engine.experts import Config, Training, budget
from engine.models import tensor_files
from engine.models.lora import expert_files
from engine.models.lora.factors import ATTENTION
from tests.experts.worlds import config, paint_pictures
from tests.tiny_models import tiny_sdxl

FILES = ["README.md", "losses.jsonl", "pytorch_lora_weights.safetensors", "recipe.json"]


def run(config, store):
    return list(experts.run(config, store))


def files(store, name="counting"):
    return {file.name: file.read_bytes() for file in store.expert(name).iterdir()}


def points(store, name="counting"):
    return [json.loads(line) for line in (store.expert(name) / "losses.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, base):
    """A finished run, to compare with: its store and its events."""
    store = Store(tmp_path_factory.mktemp("trained"))
    paint_pictures(store, "counting", base)
    paint_pictures(store, "styles", base, count=5)
    return store, run(config(base), store)


def test_a_run_ends_in_whole_experts(trained):
    store, events = trained
    assert events[-1].kind == "done" and {e.kind for e in events[:-1]} == {"progress"}
    assert (events[-1].done, events[-1].total) == (12, 12)
    for name in ("counting", "styles"):
        assert sorted(files(store, name)) == FILES
        recipe = json.loads((store.expert(name) / "recipe.json").read_text())
        assert recipe == expert_files.read_recipe(store.expert(name))
        assert (recipe["step"], recipe["steps"], recipe["skills"]) == (6, 6, [name])
        assert recipe["images"] == {name: tensor_files.sha256(store.images(name) / "latents.safetensors")}
        assert len(recipe["base"]["sha256"]) == 64
        assert (store.expert(name) / "README.md").read_text().startswith("---\nlibrary_name: diffusers")


def test_the_budget_is_told_before_the_first_step_and_kept_to(base, store, monkeypatch, rows_learned):
    monkeypatch.setattr(budget, "activation_bytes", lambda learner, mixture, denoiser, loss, rows: rows)
    monkeypatch.setattr(budget, "free_memory", lambda *_: 0)
    events = run(config(base), store)
    budgets, losses = ([i for i, event in enumerate(events) if name in event.data] for name in ("budget", "losses"))
    assert len(budgets) == 1 and budgets[0] < losses[0]
    assert events[budgets[0]].data["budget"]["experts_a_forward"] == 1
    assert "1 of 2 experts share a forward" in events[budgets[0]].text
    assert rows_learned == [2] * 12, "two rows of one expert at a time"


def test_the_curve_starts_before_the_first_step_and_has_held_out_losses(trained):
    store, events = trained
    curve = points(store)
    assert [p["step"] for p in curve] == [0, 2, 3, 4, 6]
    assert [p["step"] for p in curve if p["held_out_loss"] is not None] == [0, 3, 6]
    assert len(curve) == len({p["step"] for p in curve})
    assert curve[0]["train_loss"] is None and all(math.isfinite(p["train_loss"]) for p in curve[1:])
    told = [point for event in events for point in event.data.get("losses", [])]
    assert [p for p in told if p["expert"] == "counting"] == curve


def test_an_expert_learns(base, store):
    run(config(base, experts={"counting": ["counting"]}, steps=12, batch_size=6, log_every=4), store)
    curve = points(store)
    assert curve[-1]["train_loss"] < 0.98 * curve[1]["train_loss"]
    expert = expert_files.read(store.expert("counting")).expert
    assert all(factors.b.abs().max() > 0 and factors.scale == 1.5 for factors in expert.values())


def test_nothing_is_repeated(trained, base):
    store, _ = trained
    before = files(store)
    (event,) = run(config(base), store)
    assert event.kind == "done" and files(store) == before


@pytest.mark.parametrize("stop_at", [1, 3])
def test_stopped_and_resumed_equals_uninterrupted_bit_for_bit(trained, store, base, stop_at):
    """`Stopped` is what a signal becomes: it is thrown into the stage at an event."""
    stage = experts.run(config(base), store)
    steps = 0
    for event in stage:
        steps = max([steps, *(p["step"] for p in event.data.get("losses", []))])
        if steps >= stop_at:
            break
    stopped = stage.throw(Stopped("enough"))
    assert stopped.kind == "stopped" and list(stage) == []
    assert sorted(files(store)) == sorted([*FILES, "checkpoint.safetensors"]), "what has been learned can be used"
    assert expert_files.read_recipe(store.expert("counting"))["step"] < 6
    assert run(config(base), store)[-1].kind == "done"
    for name in ("counting", "styles"):
        assert files(store, name) == files(trained[0], name)


def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(trained, store, base):
    """A process that dies leaves the last checkpoint, of step 2, and a curve that is ahead of it."""
    stage = experts.run(config(base), store)
    next(event for event in stage if any(p["step"] == 3 for p in event.data.get("losses", [])))
    stage.close()
    assert points(store)[-1]["step"] == 3
    assert run(config(base), store)[-1].kind == "done"
    for name in ("counting", "styles"):
        assert files(store, name) == files(trained[0], name)


def test_averages_and_cosine_resume_bit_for_bit(base, tmp_path):
    outcomes = []
    for interrupted in (False, True):
        store = Store(tmp_path / str(interrupted))
        paint_pictures(store, "counting", base)
        asked = config(base, experts={"counting": ["counting"]}, ema=0.9, schedule="cosine", warmup_steps=2,
                       log_every=4, held_out_every=3)
        if interrupted:
            stage = experts.run(asked, store)
            next(event for event in stage if any(p["step"] == 3 for p in event.data.get("losses", [])))
            stage.throw(Stopped("enough"))
        run(asked, store)
        outcomes.append(files(store))
    assert outcomes[0] == outcomes[1]


def test_a_stop_file_saves_and_stops_and_is_taken_away(trained, store, base):
    (store.folder / "experts").mkdir()
    (store.folder / "experts" / "stop").touch()
    assert run(config(base), store)[-1].kind == "stopped"
    with safe_open(store.expert("styles") / "checkpoint.safetensors", "pt") as checkpoint:
        assert json.loads(checkpoint.metadata()["expert"])["step"] == 1
    assert run(config(base), store)[-1].kind == "done"
    assert files(store) == files(trained[0])


def test_a_skill_added_later_trains_alone_and_the_first_is_not_touched(trained, store, base):
    run(config(base, experts={"counting": ["counting"]}), store)
    before = files(store)
    run(config(base), store)
    assert files(store) == before
    for name in ("counting", "styles"):
        ours = expert_files.read(store.expert(name)).expert
        for path, factors in expert_files.read(trained[0].expert(name)).expert.items():
            assert torch.allclose(ours[path].b, factors.b, atol=1e-5), "alone or beside another: the same expert"


def test_arms_are_data(base, store):
    arms = {"joint": ["counting", "styles"], "shard-0": ["counting", "styles"], "shard-1": ["counting", "styles"]}
    run(config(base, experts=arms, shards={"shard-0": [0, 2, 7], "shard-1": [1, 2, 7]},
               overrides={"joint": {"steps": 3, "rank": 3}}, steps=1), store)
    recipes = {name: expert_files.read_recipe(store.expert(name)) for name in arms}
    assert [recipes[name]["pictures"] for name in arms] == [10, 5, 5]
    assert [recipes[name]["step"] for name in arms] == [3, 1, 1]
    assert expert_files.read(store.expert("joint")).expert.popitem()[1].rank == 3


def test_samples_from_step_0_and_snapshots(base, store):
    asked = config(base, experts={"counting": ["counting"]}, steps=4, sample_every=4, samples=2, sample_steps=2,
                   snapshot_every=2, ema=0.5)
    events = run(asked, store)
    samples = store.expert("counting") / "samples"
    assert sorted(p.name for p in samples.glob("*.png")) == [
        "step-000000-0.png", "step-000000-1.png", "step-000004-0.png", "step-000004-1.png"]
    assert len(json.loads((samples / "samples.json").read_text())["captions"]) == 2
    assert [len(e.data["samples"]["counting"]) for e in events if e.data.get("samples")] == [2, 2]
    kept = sorted(folder.name for folder in store.expert("counting").glob("step-*"))
    assert kept == ["step-2", "step-4"] and expert_files.read_recipe(store.expert("counting/step-2"))["step"] == 2


def test_sdxl(tmp_path):
    store = Store(tmp_path / "run")
    xl = tiny_sdxl(tmp_path / "xl")
    paint_pictures(store, "counting", xl, xl=True)
    events = run(config(xl, experts={"counting": ["counting"]}, steps=2), store)
    assert events[-1].kind == "done" and points(store)[-1]["held_out_loss"] > 0


def test_bfloat16_learns_in_float32(base, store):
    run(config(base, experts={"counting": ["counting"]}, steps=2, precision="bf16"), store)
    expert = expert_files.read(store.expert("counting")).expert
    assert all(factors.b.dtype == torch.float32 and factors.b.any() for factors in expert.values())


def test_options_come_from_a_recipe():
    asked = build(Config, {"experts": {"a": ["counting"]}, "learning_rate": 1, "targets": ["to_q"]})
    assert asked.training("a") == Training(learning_rate=1.0, targets=("to_q",))
    assert Training().targets == ATTENTION
