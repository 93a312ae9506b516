"""Stage 2 with small random models: files that fit together, shard by shard, whenever it is stopped."""
import json
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from datasets import load_dataset
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from engine import images
from engine.core.errors import EngineError
from engine.core.store import Store, read_json
from engine.core.types import Prompt
from engine.images import Config, shards
from engine.models import diffusion
from engine.models.diffusion import PaintingOptions
from engine.models.samplers import SAMPLERS
from tests.images.runs import files, records, tensors, with_prompts


def painted_shards(events):
    return [event for event in events if "files" in event.data]


def test_pictures_records_latents_and_embeddings_fit_together(config, store):
    events = list(images.run(config, store))
    folder, painter = store.images("counting"), diffusion.load(config.model, device="cpu")
    found, kept = records(store), tensors(store)
    assert [r.file_name for r in found] == [f"{i:05d}.png" for i in range(5)]
    assert {k: tuple(v.shape) for k, v in kept.items()} == {
        "latents": (5, 8, 16, 16), "embeddings": (5, 32, 32), "empty_embedding": (1, 32, 32)}
    for i, record in enumerate(found):
        assert (record.prompt_id, record.text) == (f"counting-{i}", f"red balls {i}")
        alone = painter.paint([record.text], [record.seed], 2.0, PaintingOptions(2))[0]
        shown = np.asarray(Image.open(folder / record.file_name), dtype=int)
        assert shown.shape == (64, 64, 3) and np.abs(shown - np.asarray(alone.image, dtype=int)).max() <= 1
        torch.testing.assert_close(kept["latents"][i], alone.latents, atol=1e-4, rtol=1e-4)
    embeddings = painter.embed([r.text for r in found])["embeddings"]
    torch.testing.assert_close(kept["embeddings"], embeddings, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(kept["empty_embedding"], painter.empty["embeddings"])
    assert events[-1].kind == "done" and events[-1].done == 5 and not (folder / "parts").exists()


def test_the_recipe_travels_in_the_weights_file(config, store):
    list(images.run(config, store))
    with safe_open(store.images("counting") / "latents.safetensors", "pt") as file:
        recipe = json.loads(file.metadata()["recipe"])
    assert recipe["model's sha256"] == diffusion.load(config.model, device="cpu").fingerprint
    assert recipe["guidance"] == 2.0 and len(recipe["prompts' sha256"]) == 64
    assert {"torch", "diffusers"} <= set(read_json(store.images("counting") / "recipe.json")["versions"])


def test_the_folder_is_what_the_hub_calls_an_imagefolder(config, store, tmp_path):
    """By the library itself, which takes a word like test for a split; one picture is one's own."""
    list(images.run(replace(config, skills=("counting", "test_places")),
                    with_prompts(store, 3, "test_places")))
    folder = store.images("counting")
    Image.new("RGB", (64, 64)).save(folder / "mine.png")
    with open(folder / "metadata.jsonl", "a") as lines:
        lines.write(json.dumps({"file_name": "mine.png", "text": "all black"}) + "\n")
    for name, count in (("images", 9), ("images/counting", 6), ("images/~test~_places", 3)):
        found = load_dataset("imagefolder", data_dir=str(store.folder / name),
                             cache_dir=str(tmp_path / "cache"))
        assert set(found) == {"train"} and len(found["train"]) == count
        assert all(row["text"] and row["image"].size == (64, 64) for row in found["train"])
        assert {"prompt_id", "seed", "model", "sampler", "guidance",
                "steps"} <= set(found["train"].column_names)
        assert len(load_dataset(str(store.folder / name),
                                cache_dir=str(tmp_path / "cards"))["train"]) == count
    assert not Image.open(folder / "00000.png").info


def test_events_let_a_gallery_fill_shard_by_shard(config, store):
    seen = []
    for event in images.run(replace(config, batch_size=1), store):
        for name in event.data.get("files", []):
            Image.open(name).load()
            seen.append(name)
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("events_before", [1, 2, 3])
def test_stopped_anywhere_and_resumed_is_bit_for_bit_the_same(config, store, tmp_path, events_before):
    config = replace(config, batch_size=1)
    list(images.run(config, store))
    broken = with_prompts(Store(tmp_path / "broken"), 5)
    stopped = images.run(config, broken)
    for _ in range(events_before):
        next(stopped)
    stopped.close()
    assert not (broken.images("counting") / "latents.safetensors").exists()
    list(images.run(config, broken))
    assert files(broken) == files(store)


def test_finished_pictures_are_not_painted_again(config, store, monkeypatch):
    first = list(images.run(config, store))
    before = files(store)
    monkeypatch.setattr(diffusion, "load", lambda *_: pytest.fail("a model was loaded"))
    again = list(images.run(config, store))
    assert files(store) == before and [e.data for e in painted_shards(first)] == [e.data for e in painted_shards(again)]


def test_more_prompts_paint_only_what_is_missing(config, store, tmp_path, monkeypatch):
    list(images.run(config, store))
    painted = []
    paint = diffusion.Painter.paint
    monkeypatch.setattr(diffusion.Painter, "paint", lambda *a, **k: painted.extend(a[1]) or paint(*a, **k))
    list(images.run(config, with_prompts(store, 7)))
    assert painted == ["red balls 4", "red balls 5", "red balls 6"]  # the shard of 4 was not full
    at_once = with_prompts(Store(tmp_path / "at_once"), 7)
    list(images.run(config, at_once))
    assert files(store) == files(at_once)
    painted.clear()
    list(images.run(config, with_prompts(store, 4, changed=[0])))
    assert painted == ["blue balls 0", "red balls 1"]
    assert [r.text for r in records(store)] == ["blue balls 0", "red balls 1", "red balls 2", "red balls 3"]
    assert not (store.images("counting") / "00005.png").exists() and len(tensors(store)["latents"]) == 4


def test_other_settings_are_named_and_lose_nothing(config, store):
    list(images.run(config, store))
    before = files(store)
    with pytest.raises(EngineError, match="guidance 2.0 -> 3.0, seed 0 -> 1") as refusal:
        list(images.run(replace(config, guidance=3.0, seed=1), store))
    refusal.match("set replace")
    list(images.run(replace(config, batch_size=1), store))
    assert files(store) == before
    list(images.run(replace(config, guidance=3.0, replace=True), store))
    assert {r.guidance for r in records(store)} == {3.0} and files(store) != before


def test_seeds_depend_on_stage_prompt_and_number_alone(config):
    prompts = [Prompt(f"p{i}", "counting", "a ball") for i in range(3)]
    once, more = (shards.plan(prompts, k, 1, 0, {}) for k in (1, 2))
    seeds = {(i.prompt.id, i.k): i.seeds for shard in more for i in shard.items}
    assert len(set(seeds.values())) == 6 and all(0 <= s < 2**32 for (s,) in seeds.values())
    assert all(seeds[i.prompt.id, 0] == i.seeds for shard in once for i in shard.items)
    moved = shards.plan(prompts[::-1], 1, 1, 0, {})
    assert {i.prompt.id: i.seeds for s in moved for i in s.items} == {p: s for (p, k), s in seeds.items() if k == 0}
    assert shards.plan(prompts, 1, 1, 5, {})[0].items[0].seeds != once[0].items[0].seeds
    assert shards.plan(prompts, 1, 4, 0, {})[0].items[0].seeds[0] == once[0].items[0].seeds[0]


def test_several_pictures_a_prompt(config, store):
    list(images.run(replace(config, pictures_per_prompt=2), store))
    found = records(store)
    assert [r.prompt_id for r in found] == [f"counting-{i // 2}" for i in range(10)]
    assert len({r.seed for r in found}) == 10


def test_what_cannot_be_painted_ends_in_the_remedy(config, store, models):
    for change, remedy in [({"skills": ("nothing",)}, "Write them first"), ({"best_of": 2}, "name a judge: "),
                           ({"best_of": 2, "judge": "nobody"}, "Choose one of"), ({"model": "./no"}, "existing folder"),
                           ({"judge": "storybook", "judge_options": {"x": 1}}, "no option called 'x'"),
                           ({"model": models["tiny_distilled"]}, "can paint, but not be trained")]:
        with pytest.raises(EngineError, match=remedy):
            list(images.run(replace(config, **change), store))
    assert not list(store.images("counting").glob("*.png"))


def test_damaged_files_are_named(config, store):
    list(images.run(config, store))
    (store.images("counting") / "latents.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(EngineError, match=r"latents.safetensors .*damaged.*Delete"):
        list(images.run(config, store))
    save_file({"latents": torch.zeros(1)}, store.images("counting") / "latents.safetensors")
    with pytest.raises(EngineError, match=r"not written by this stage. Delete"):
        list(images.run(config, store))


def test_a_full_disk_is_one_sentence_and_keeps_what_was_finished(config, store, monkeypatch):
    running = images.run(config, store)
    next(running)
    monkeypatch.setattr(Image.Image, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(EngineError, match="No space left.*Free some space"):
        list(running)
    assert len(list((store.images("counting") / "parts").glob("*.safetensors"))) == 1
    assert not list(store.images("counting").glob(".writing-*"))


def test_the_form_offers_every_sampler():
    assert set(get_args(get_type_hints(Config)["sampler"])) == set(SAMPLERS)
