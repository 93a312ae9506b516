"""What cannot be trained is refused in a sentence that names the remedy, and nothing is lost."""
import pytest
from safetensors.torch import load_file, save_file

from engine import experts
from engine.core.errors import EngineError
from engine.core.store import read_json, write_json
from tests.experts.worlds import config
from tests.tiny_models import tiny_stable_diffusion

WILD = {"learning_rate": 1.0, "max_grad_norm": 0.0, "alpha": 4096.0}


def run(config, store):
    return list(experts.run(config, store))


def names(store, expert):
    return {file.name for file in store.expert(expert).iterdir()}


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"experts": {}}, "no expert to train"),
    ({"experts": {"a": []}}, "no skills"),
    ({"experts": {"a": "counting"}}, "no skills"),
    ({"experts": {"../a": ["counting"]}}, "cannot be the name"),
    ({"experts": {"a": ["magic"]}}, "'magic'.* of counting, styles"),
    ({"objective": "magic"}, "Choose one of denoise"),
    ({"options": {"beta": 1}}, "no option called 'beta'"),
    ({"overrides": {"counting": {"rank": 0}}}, "between 1 and 1024"),
    ({"overrides": {"counting": {"ranks": 2}}}, "no option called 'ranks'"),
    ({"overrides": {"counting": 3}}, "options by name"),
    ({"overrides": {"nobody": {}}}, "no expert called 'nobody'"),
    ({"patience": 3, "held_out": 0.0}, "Set held_out above 0, or patience to 0"),
    ({"shards": {"counting": [2, 2, 0]}}, "0 <= index < many"),
    ({"shards": {"counting": 2}}, "0 <= index < many"),
    ({"shards": {"counting": [8, 9, 0]}}, "has no picture to learn from"),
    ({"sample_prompts": ["a ball " * 20_000]}, "140,000 .*5,000 at most"),
    ({"targets": ()}, "needs layers to change. Choose targets"),
    ({"targets": ("to_z",)}, "No linear layer .*'to_z'"),
    ({"model": "no-such-folder/at-all/here"}, "There is no folder"),
])
def test_what_cannot_be_trained_is_refused_with_the_remedy(base, store, changes, sentence):
    with pytest.raises(EngineError, match=sentence):
        run(config(base, **changes), store)
    assert not (store.folder / "experts").exists()


def test_other_options_never_overwrite_an_expert(base, store):
    run(config(base, steps=1), store)
    with pytest.raises(EngineError, match=r"rank 2 -> 4\).*Set .*set replace"):
        run(config(base, steps=1, rank=4), store)


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("options", 5, r"recipe\.json .*options is 5.*Delete"),
    ("options", [1], r"recipe\.json .*options is \[1\]"),
    ("targets", "x", r"\(targets x -> .*Set them back"),
])
def test_a_record_of_the_wrong_type_is_refused_and_no_crash(base, store, field, value, sentence):
    run(config(base, steps=1), store)
    record = store.expert("counting") / "recipe.json"
    write_json(record, {**read_json(record), field: value})
    with pytest.raises(EngineError, match=sentence):
        run(config(base, steps=1), store)


def test_replace_trains_anew_what_changed_and_nothing_else(base, store):
    run(config(base, steps=1), store)
    before = {name: read_json(store.expert(name) / "recipe.json") for name in ("counting", "styles")}
    changed = {"overrides": {"counting": {"rank": 4}}, "replace": True}
    run(config(base, steps=1, **changed), store)
    after = {name: read_json(store.expert(name) / "recipe.json") for name in ("counting", "styles")}
    assert after["counting"]["rank"] == 4 != before["counting"]["rank"] and after["styles"] == before["styles"]


def test_replace_keeps_what_it_cannot_train_anew(base, store):
    run(config(base, steps=2), store)
    before = {file: file.read_bytes() for file in store.expert("counting").iterdir()}
    with pytest.raises(EngineError, match="no folder"):
        run(config(base, steps=2, model="no such folder", replace=True), store)
    (store.expert("styles") / "recipe.json").write_text('{"kind": "adopted"}')
    with pytest.raises(EngineError, match="others made"):
        run(config(base, steps=3, replace=True), store)
    assert {file: file.read_bytes() for file in store.expert("counting").iterdir()} == before


def test_replace_takes_a_damaged_recipe_for_another(base, store):
    run(config(base, steps=2), store)
    (store.expert("counting") / "recipe.json").write_text("[]")
    assert run(config(base, steps=2, replace=True), store)[-1].kind == "done"


@pytest.mark.parametrize("recipe", ["[]", '"text"', '{"step": "5"}', '{"base": "storybook"}'])
def test_a_recipe_of_the_wrong_kind_is_a_sentence(base, store, recipe):
    store.expert("counting").mkdir(parents=True)
    (store.expert("counting") / "recipe.json").write_text(recipe)
    with pytest.raises(EngineError, match=r"recipe\.json is damaged.*Delete"):
        run(config(base, steps=3), store)


def test_replace_begins_anew_what_had_only_begun(base, store):
    (store.folder / "experts").mkdir()
    (store.folder / "experts" / "stop").touch()
    run(config(base), store)
    assert run(config(base, seed=1, replace=True), store)[-1].kind == "done"


def test_new_pictures_are_told_in_words(base, store):
    run(config(base, steps=1), store)
    folder = store.expert("counting")
    recipe = read_json(folder / "recipe.json")
    write_json(folder / "recipe.json", {**recipe, "images": {"counting": "0" * 64}})
    with pytest.raises(EngineError, match="images as they were -> "):
        run(config(base, steps=1), store)


def test_a_damaged_checkpoint_is_refused_with_the_remedy(base, store):
    (store.folder / "experts").mkdir()
    (store.folder / "experts" / "stop").touch()
    run(config(base), store)
    checkpoint = store.expert("counting") / "checkpoint.safetensors"
    whole = checkpoint.read_bytes()
    with pytest.raises(EngineError, match="was trained with other options"):
        run(config(base, seed=1), store)
    checkpoint.write_bytes(whole[:-9])
    with pytest.raises(EngineError, match="damaged.*Delete it"):
        run(config(base), store)
    checkpoint.write_bytes((store.expert("styles") / "checkpoint.safetensors").read_bytes())
    with pytest.raises(EngineError, match="was trained with other options"):
        run(config(base), store)


def test_divergence_is_told_and_loses_nobody_elses_work(base, store):
    with pytest.raises(EngineError, match="counting diverged .*[23].*learning rate"):
        run(config(base, overrides={"counting": WILD}), store)
    assert "checkpoint.safetensors" in names(store, "styles")
    assert "pytorch_lora_weights.safetensors" not in names(store, "counting")


def test_who_is_finished_when_another_diverges_is_finished(base, store):
    """The divergence is seen at the last step, where the other one has its LoRA to write."""
    asked = config(base, overrides={"counting": WILD}, log_every=1000, held_out_every=1000, checkpoint_every=1000)
    with pytest.raises(EngineError, match="counting diverged"):
        run(asked, store)
    assert {"pytorch_lora_weights.safetensors", "recipe.json"} <= set(names(store, "styles"))
    lost, kept = ((store.expert(name) / "losses.jsonl").read_text() for name in ("counting", "styles"))
    assert f'"step": {asked.steps}' in kept and "NaN" not in lost


def test_latents_of_another_base_are_refused_with_the_remedy(store, tmp_path):
    other = tiny_stable_diffusion(tmp_path / "other", seed=1)
    with pytest.raises(EngineError, match="train .*other.*encode_for"):
        run(config(other), store)


@pytest.mark.parametrize(("damage", "sentence"), [
    (lambda t: t.pop("empty_embedding"), "'empty_embedding'. Delete .*paint"),
    (lambda t: t.update(latents=t["latents"][:3]), "'latents': 3"),
    (lambda t: t.update(latents=t["latents"][:, :4].clone()), "has 4 channels, "),
    (lambda t: t["latents"].fill_(float("nan")), "latents that are no numbers"),
])
def test_damaged_latents_are_refused_with_the_remedy(base, store, damage, sentence):
    file = store.images("counting") / "latents.safetensors"
    tensors = load_file(file)
    damage(tensors)
    save_file(tensors, file)
    with pytest.raises(EngineError, match=sentence):
        run(config(base), store)
