"""The whole line reads texts by the encoder that a recipe names: here a file that a test puts into its folder."""
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import evaluate, experts, images, pipeline, recipes
from engine.core.errors import EngineError
from engine.core.provenance import OtherSettings
from engine.core.store import Store, read_json
from engine.models import diffusion, encoders, tensor_files
from engine.models.bases import Base
from engine.models.ensemble import Ensemble
from engine.runs import contents
from engine.runs.preview import PictureRequest, Preview
from tests.line.miniature import TEXTS, pixels, written
from tests.plugin_files import install

BACKWARDS = '''
"""Every text from its last word to its first."""

def encode(read, texts):
    return read([" ".join(reversed(text.split())) for text in texts])
'''
NAME = "backwards"
MENTION = re.compile(rb'"encoder\\*"|encoder =')


def turned(text):
    return " ".join(reversed(text.split()))


@pytest.fixture(scope="module", autouse=True)
def encoder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield install(encoders, NAME, BACKWARDS, tmp_path_factory.mktemp("encoder"), patch)


@pytest.fixture(scope="module")
def turned_recipe(recipe, encoder, tmp_path_factory):
    """The recipe of the miniature, with one line more."""
    file = tmp_path_factory.mktemp("recipe") / "backwards.toml"
    file.write_text(f'encoder = "{NAME}"\n{recipe.read_text()}')
    return file


@pytest.fixture(scope="module")
def backwards(turned_recipe, tmp_path_factory):
    """One whole run of it."""
    out = written(tmp_path_factory.mktemp("backwards"))
    list(pipeline.run(turned_recipe, out))
    return Store(out)


@pytest.fixture(scope="module")
def native(finished):
    return Store(finished[0])


@pytest.fixture(scope="module")
def base(recipe):
    return Base(recipes.load(recipe).experts.model)


def kept(store, skill="counting"):
    return tensor_files.read(store.images(skill) / "latents.safetensors")[0]


def test_pictures_are_painted_and_kept_for_training_by_the_named_encoder(backwards, native, base):
    painter = diffusion.load(base.model, device="cpu")
    read = painter.embed([turned(text) for text in TEXTS["counting"]])
    torch.testing.assert_close(kept(backwards)["embeddings"], read["embeddings"], atol=1e-5, rtol=1e-5)
    for name in ("embeddings", "latents"):
        assert not torch.allclose(kept(backwards)[name], kept(native)[name], atol=1e-3)


def test_every_record_of_the_run_names_it(backwards):
    files = {"images/counting/recipe.json": "recipe", "scores/base@3/validation/storybook.recipe.json": "recipe",
             "experts/styles/recipe.json": "base", "merges/merged/recipe.json": "base"}
    assert {read_json(backwards.folder / file)[part]["encoder"] for file, part in files.items()} == {NAME}
    assert contents.base_of(backwards).encoder == NAME


def files_that_name_encoders(store):
    """Names of records, and of weights with a record in their header, where quotes are escaped."""
    records = [*store.folder.glob("**/*.json"), *store.folder.glob("**/*.safetensors"), store.folder / "recipe.toml"]
    return {file.name for file in records if MENTION.search(file.read_bytes())}


def test_no_record_of_another_run_has_a_word_of_encoders(native, backwards):
    """So what was made before an encoder could be named is what would be made today."""
    assert files_that_name_encoders(native) == set()
    assert contents.base_of(native).encoder == "native"
    assert files_that_name_encoders(backwards) == {
        "recipe.json", "storybook.recipe.json", "recipe.toml", "latents.safetensors",
        "pytorch_lora_weights.safetensors"}


def test_experts_learn_from_what_it_reads(backwards, native):
    ours, theirs = (tensor_files.read(store.expert("counting") / "pytorch_lora_weights.safetensors")[0]
                    for store in (backwards, native))
    assert any(not torch.allclose(ours[name], theirs[name], atol=1e-4) for name in ours)


def test_models_are_evaluated_by_it(backwards, native):
    for model in ("base@3", "merged@3"):
        assert np.abs(pixels(backwards.folder, model) - pixels(native.folder, model)).max() > 2
    ours, theirs = (read_json(store.folder / "scores/ceiling/validation/storybook.recipe.json")["recipe"]
                    for store in (backwards, native))
    assert ours == theirs, "nothing is painted from texts there"


def test_sliders_show_what_it_reads(backwards, native):
    text = TEXTS["counting"][0]
    one, = Preview().paint(backwards, [PictureRequest(text, 3, 3.5, steps=2)])
    same, other = Preview().paint(native, [PictureRequest(words, 3, 3.5, steps=2) for words in (turned(text), text)])
    shown, alike, unlike = (np.asarray(image, dtype=int) for image in (one, same, other))
    assert np.abs(shown - alike).max() <= 1 < np.abs(shown - unlike).max()


def test_a_run_that_is_done_stays_done_for_its_encoder_alone(backwards, native, turned_recipe, recipe):
    *_, last = pipeline.run(turned_recipe, backwards.folder)
    assert last.kind == "done"
    there_and_back = (backwards, recipe, f"{NAME} -> native"), (native, turned_recipe, f"native -> {NAME}")
    for store, other, change in there_and_back:
        with pytest.raises(EngineError, match=f"encoder {change}"):
            list(pipeline.run(other, store.folder))
        asked = recipes.load(other)
        for stage, config in ((images, asked.images), (experts, asked.experts), (evaluate, asked.validation)):
            with pytest.raises(OtherSettings, match=f"encoder {change}"):
                list(stage.run(config, store))


def test_pictures_that_another_encoder_read_train_nobody(backwards, native, recipe):
    asked = recipes.load(recipe).experts
    for store, ours, theirs in ((backwards, "native", NAME), (native, NAME, "native")):
        config = replace(asked, experts={"new": ["counting"]}, encoder=ours)
        with pytest.raises(EngineError, match=f"'{theirs}' .* '{ours}'.*encoder = '{ours}'"):
            list(experts.run(config, store))


def test_an_expert_is_shown_by_the_encoder_it_was_trained_with(backwards, native, base):
    turned_base = base._replace(encoder=NAME)
    assert Ensemble(turned_base, backwards, ["counting", "merged"]).experts
    for store, wrong, theirs in ((backwards, base, NAME), (native, turned_base, "native")):
        for model in ("counting", "merged"):
            with pytest.raises(EngineError, match=f"{model} was trained with the encoder '{theirs}'"):
                _ = Ensemble(wrong, store, [model]).experts
