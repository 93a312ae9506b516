"""Whatever is wrong with a folder, opening it ends in one sentence: the part, the reason, a remedy."""
import json
import shutil

import pytest

from engine.core.errors import EngineError
from engine.models import causal_lm, diffusion, empty_denoiser
from tests.models.damage import changed, config, cut, index, only_weights, pickled
from tests.tiny_models import tiny_stable_diffusion, tiny_writer

INDEX, SHARDS = "model_index.json", "unet/diffusion_pytorch_model.safetensors.index.json"
MISSING_SHARD = {"metadata": {}, "weight_map": {"conv_in.weight": "gone.safetensors"}}
OWN_CODE = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
PNG = b"\x89PNG\r\n\x1a\n" * 9


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    return tiny_writer(tmp_path_factory.mktemp("writers") / "tiny")


def text(name, content):
    return lambda folder: (folder / name).write_text(content)


def content(name, raw):
    return lambda folder: only_weights(folder / name).write_bytes(raw)


def says(**changes):
    return lambda folder: index(folder, **changes)


def configured(part, **changes):
    return lambda folder: config(folder / part, **changes)


def half(part, size=None):
    return lambda folder: cut(only_weights(folder / part), size)


def gone(name):
    return lambda folder: (folder / name).unlink()


def without_layer(folder):
    changed(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if ".layers.1." in n])


def a_file_for_a_folder(folder):
    shutil.rmtree(folder / "vae")
    (folder / "vae").write_text("x")


DAMAGED = {
    "no JSON": (text(INDEX, "{"), "model_index.json cannot be read as JSON"),
    "very deep": (text(INDEX, "[" * 100_000), "model_index.json cannot be read as JSON"),
    "not even text": (lambda f: (f / INDEX).write_bytes(b"\xff\xfe\x00"), "cannot be read as JSON"),
    "a list": (text(INDEX, "[1, 2]"), "model_index.json is a list"),
    "no class": (says(_class_name="gone"), "names the pipeline None"),
    "a class of nobody": (says(_class_name="NoSuchOne"), "names the pipeline 'NoSuchOne'"),
    "a class that is none": (says(_class_name=["own", "Pipeline"]), r"names the pipeline \["),
    "no pipeline": (says(_class_name="AutoencoderKL"), "names the pipeline 'AutoencoderKL'"),
    "no unet named": (says(unet="gone"), "names no unet"),
    "the vae left out": (says(vae=[None, None]), "names no vae"),
    "a part by one word": (says(unet=["diffusers"]), "its unet stands in model_index.json as"),
    "a part as a number": (says(vae=5), "its vae stands in model_index.json as 5"),
    "another library": (says(unet=["os", "system"]), "its unet is to come from 'os'"),
    "its own code": (says(unet=["../own", "Net"]), "its unet is to come from '../own'"),
    "a class that is not there": (says(unet=["diffusers", "NoNet"]), r"its unet does not open \(.*"),
    "a function": (says(unet=["diffusers", "logging"]), "its unet .* logging of diffusers"),
    "no folder": (lambda f: shutil.rmtree(f / "text_encoder"), "its text_encoder is missing"),
    "a file for a folder": (a_file_for_a_folder, "its vae is missing"),
    "no weights": (lambda f: only_weights(f / "unet").unlink(), "its unet has no safetensors"),
    "pickled": (lambda f: pickled(f / "text_encoder"), "its text_encoder has no .* pickled"),
    "half the weights": (half("vae"), "its vae .* ends beyond the file"),
    "empty weights": (half("text_encoder", 0), "its text_encoder .*model.safetensors"),
    "noise": (content("unet", b"\xff" * 40), "its unet does not open: .* is damaged"),
    "a picture": (content("text_encoder", PNG), "its text_encoder .* is damaged"),
    "no config": (gone("unet/config.json"), "its unet does not open .*config.json"),
    "an empty config": (text("vae/config.json", ""), "its vae does not open: config.json"),
    "a config of a list": (text("unet/config.json", "[]"), "its unet .* config.json holds a list"),
    "text for a number": (configured("text_encoder", hidden_size="many"), "text_encoder .* 'many'"),
    "seven heads": (configured("text_encoder", num_attention_heads=7), "its text_encoder .* heads"),
    "blocks of nobody": (configured("unet", down_block_types=["No", "No"]), "its unet .*No does"),
    "no groups": (configured("vae", norm_num_groups=0), "its vae does not open"),
    "another width": (configured("unet", cross_attention_dim=48), "its unet has .* in the shape"),
    "betas of nobody": (configured("scheduler", beta_schedule="of the day"), "its scheduler .*day"),
    "no scheduler": (gone("scheduler/scheduler_config.json"), "its scheduler does not open"),
    "no vocabulary": (text("tokenizer/tokenizer.json", "{}"), "its tokenizer does not open"),
    "an adapter": (text("text_encoder/adapter_config.json", "{}"), "its text_encoder is a LoRA"),
    "an index of nothing": (text(SHARDS, "{}"), "its unet .* names no files"),
    "no shards": (text(SHARDS, json.dumps(MISSING_SHARD)), "its unet does not open .*gone"),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_pipeline_is_one_sentence_that_names_the_part(pipeline, tmp_path, how):
    copy = shutil.copytree(pipeline, tmp_path / "damaged")
    damage, expected = DAMAGED[how]
    damage(copy)
    with pytest.raises(EngineError, match=expected) as caught:
        diffusion.load(str(copy), device="cpu")
    told = str(caught.value)
    caught.match("damaged does not load .*pipeline: ")
    assert "\n" not in told
    assert "again" in told or "Choose" in told, "a remedy"


WRITERS = {
    "no layer": (without_layer, "its model lacks 9 weights"),
    "a layer more": (configured("", num_hidden_layers=1), "its model holds 9 weights"),
    "another shape": (configured("", intermediate_size=65), r"its model has .* in the shape \["),
    "no config": (gone("config.json"), "its (tokenizer|model) .*config.json"),
    "no JSON": (text("config.json", "{"), "config.json cannot be read as JSON"),
    "a list": (text("config.json", "[]"), "config.json holds a list"),
    "an unknown kind": (configured("", model_type="nothing"), "its (tokenizer|model) .*nothing"),
    "text for a number": (configured("", num_hidden_layers="two"), "does not open .*'two'"),
    "half the weights": (half(""), "model.safetensors is damaged"),
    "pickled": (pickled, "its folder has .* weights; pickled"),
    "its own code": (configured("", model_type="own", auto_map=OWN_CODE), "code of its own"),
    "no tokenizer": (lambda f: [file.unlink() for file in f.glob("tokenizer*")], "its tokenizer"),
    "an empty tokenizer": (text("tokenizer.json", "{}"), "its tokenizer does not open"),
}


@pytest.mark.parametrize("how", WRITERS)
def test_a_damaged_writer_is_one_sentence_that_names_the_part(writer, tmp_path, how):
    copy = shutil.copytree(writer, tmp_path / "damaged")
    damage, expected = WRITERS[how]
    damage(copy)
    (copy / "own.py").write_text("raise SystemExit('code from a checkpoint ran')")
    with pytest.raises(EngineError, match=expected) as caught:
        causal_lm.load(str(copy), device="cpu")
    caught.match("damaged does not load .*language model")


@pytest.mark.parametrize("damage", [
    text("unet/config.json", "[]"), configured("unet", norm_num_groups=0), half("unet")])
def test_a_damaged_unet_is_named_where_only_its_shapes_are_asked_for(pipeline, tmp_path, damage):
    copy = shutil.copytree(pipeline, tmp_path / "damaged")
    assert empty_denoiser.load(copy).device.type == "meta"
    damage(copy)
    with pytest.raises(EngineError, match="damaged .* its unet .*save it again"):
        empty_denoiser.load(copy)
