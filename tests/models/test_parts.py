"""Every weight of a checkpoint comes from its files: what lacks some, or is damaged otherwise, is refused by name."""
import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import load_file, save_file

from engine.core.errors import EngineError
from engine.models import causal_lm, checkpoints, diffusion, skeleton
from tests.tiny_models import (
    tiny_flux,
    tiny_sd3,
    tiny_sdxl,
    tiny_stable_diffusion,
    tiny_unet,
    tiny_writer,
)

CLIP, T5 = ("text_model.encoder.layers.{}.", "encoder.layers.{}."), ("encoder.block.{}.",)
LAYERS = {  # part -> what the names of a layer begin with, and how many of them there are
    "tiny_stable_diffusion": {"text_encoder": (CLIP, 2), "unet": (("down_blocks.{}.",), 2),
                              "vae": (("encoder.down_blocks.{}.",), 3)},
    "tiny_second": {"text_encoder": (CLIP, 2), "unet": (("up_blocks.{}.",), 2)},
    "tiny_sdxl": {"text_encoder": (CLIP, 2), "text_encoder_2": (CLIP, 2), "unet": (("up_blocks.{}.",), 2),
                  "vae": (("decoder.up_blocks.{}.",), 3)},
    "tiny_sd3": {"text_encoder": (CLIP, 2), "text_encoder_2": (CLIP, 2), "text_encoder_3": (T5, 1),
                 "transformer": (("transformer_blocks.{}.",), 1), "vae": (("decoder.up_blocks.{}.",), 3)},
    "tiny_flux": {"text_encoder": (CLIP, 2), "text_encoder_2": (T5, 1),
                  "transformer": (("single_transformer_blocks.{}.",), 1), "vae": (("encoder.down_blocks.{}.",), 3)},
}
PARTS = [(family, part) for family, of in LAYERS.items() for part in of]


def tiny_second(folder):
    """As Stable Diffusion 2 differs: linear projections, heads by level."""
    tiny_stable_diffusion(folder)
    tiny_unet(32, use_linear_projection=True, attention_head_dim=(4, 8)).save_pretrained(folder / "unet")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    kinds = (tiny_stable_diffusion, tiny_second, tiny_sdxl, tiny_sd3, tiny_flux)
    return {kind.__name__: kind(root / kind.__name__) for kind in kinds}


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    return tiny_writer(tmp_path_factory.mktemp("writer") / "tiny")


def only_weights(folder):
    file, = folder.glob("*.safetensors")
    return file


def changed(folder, change):
    """The weights of one part, read, changed and written back."""
    file = only_weights(folder)
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, {"format": "pt"})


def of_layer(tensors, starts, number):
    return [name for name in tensors for start in starts if name.startswith(start.format(number))]


def refusal(folder, load=diffusion.load):
    with pytest.raises(EngineError) as caught:
        load(str(folder), device="cpu")
    return str(caught.value)


@pytest.mark.parametrize("family", LAYERS)
def test_a_whole_checkpoint_opens(folders, family):
    assert diffusion.load(str(folders[family]), device="cpu").fingerprint


@pytest.mark.parametrize(("family", "part"), PARTS)
def test_a_part_that_lacks_a_layer_is_refused_by_name(folders, tmp_path, family, part):
    copy = shutil.copytree(folders[family], tmp_path / "copy")
    starts, layers = LAYERS[family][part]

    def without(tensors):
        for name in of_layer(tensors, starts, layers - 1):
            del tensors[name]

    changed(copy / part, without)
    told = refusal(copy)
    assert f"copy does not load as a text-to-image pipeline: its {part} lacks " in told
    assert "which would be random numbers" in told and told.endswith("Fetch or save it again.")


@pytest.mark.parametrize(("family", "part"), PARTS)
def test_a_part_with_a_layer_too_many_or_of_another_shape_is_refused_by_name(folders, tmp_path, family, part):
    copy = shutil.copytree(folders[family], tmp_path / "copy")
    starts, layers = LAYERS[family][part]
    whole = load_file(only_weights(copy / part))
    last = of_layer(whole, starts, layers - 1)

    def with_more(tensors):
        for name in last:
            start, = (start for start in starts if name.startswith(start.format(layers - 1)))
            tensors[start.format(layers) + name.removeprefix(start.format(layers - 1))] = tensors[name].clone()

    changed(copy / part, with_more)
    assert f"its {part} holds {len(last)} weights (" in refusal(copy)

    def misshapen(tensors):
        tensors.clear()
        tensors |= whole | {last[0]: torch.zeros(*whole[last[0]].shape, 2)}

    changed(copy / part, misshapen)
    told, short = refusal(copy), last[0].removeprefix("text_model.")
    assert f"its {part} has " in told and short in told
    assert f"in the shape {[*whole[last[0]].shape, 2]}, where its config.json says {[*whole[last[0]].shape]}." in told


@pytest.mark.parametrize(("part", "target"), [("unet", "to_q"), ("text_encoder", "q_proj")])
def test_a_pipeline_saved_with_a_lora_in_it_is_told_how_to_be_saved(folders, tmp_path, part, target):
    pipe = StableDiffusionPipeline.from_pretrained(folders["tiny_stable_diffusion"])
    inject_adapter_in_model(LoraConfig(r=2, target_modules=[target]), getattr(pipe, part))
    if part == "unet":
        pipe.unet.save_pretrained(tmp_path / "adapted" / part)
        shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "adapted", dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("unet"))
    else:  # transformers' own saving refuses it; older versions did not
        shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "adapted")
        save_file(pipe.text_encoder.state_dict(), only_weights(tmp_path / "adapted" / part), {"format": "pt"})
    told = refusal(tmp_path / "adapted")
    assert f"its {part} was saved with a LoRA in it" in told and "pipe.unload_lora_weights()" in told
    assert "pipe.fuse_lora()" in told and told.endswith("save it again.")


def test_names_of_older_versions_and_parts_of_larger_models_open_as_ever(folders, tmp_path):
    base = diffusion.load(str(folders["tiny_stable_diffusion"]), device="cpu")
    copy = shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "copy")

    def like_transformers_4(tensors):
        renamed = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in tensors.items()}
        tensors.clear()
        tensors |= renamed | {"text_model.embeddings.position_ids": torch.arange(32)[None]}
        tensors |= {"vision_model.embeddings.class_embedding": torch.zeros(4), "logit_scale": torch.zeros(1),
                    "text_projection.weight": torch.zeros(4, 4)}

    def like_diffusers_0_10(tensors):
        for old, new in (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")):
            for name in [name for name in tensors if f".attentions.0.{new}." in name]:
                tensors[name.replace(f".{new}.", f".{old}.")] = tensors.pop(name)

    changed(copy / "text_encoder", like_transformers_4)
    changed(copy / "vae", like_diffusers_0_10)
    older = diffusion.load(str(copy), device="cpu")
    for ours, theirs in ((older.pipe.text_encoder, base.pipe.text_encoder), (older.pipe.vae, base.pipe.vae)):
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())


def test_a_checkpoint_that_has_only_half_precision_files_opens(folders, tmp_path):
    pipe = diffusion.load(str(folders["tiny_sdxl"]), device="cpu").pipe
    half = tmp_path / "half"
    pipe.to(torch.float16).save_pretrained(half, variant="fp16", max_shard_size="60KB")
    assert not list(half.glob("unet/diffusion_pytorch_model.safetensors")) and len(list(half.glob("unet/*fp16*"))) > 2
    opened = diffusion.load(str(half), device="cpu")
    assert opened.pipe.unet.dtype == torch.float32
    stored = pipe.unet.state_dict()
    assert all(torch.equal(value.half(), stored[name]) for name, value in opened.pipe.unet.state_dict().items())
    whole = tmp_path / "whole"
    pipe.save_pretrained(whole)
    assert opened.fingerprint == checkpoints.fingerprint(whole) != checkpoints.fingerprint(folders["tiny_sdxl"])


def index(folder, **changes):
    file = folder / "model_index.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in (told | changes).items() if value != "gone"}))


def config(folder, **changes):
    file = next(filter(Path.exists, (folder / "config.json", folder / "scheduler_config.json")))
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def cut(file, size=None):
    content = file.read_bytes()
    file.write_bytes(content[:len(content) // 2 if size is None else size])


def pickled(folder):
    for file in folder.glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))


DAMAGED = {
    "no JSON": (lambda f: (f / "model_index.json").write_text("{"), "model_index.json cannot be read as JSON"),
    "not even text": (lambda f: (f / "model_index.json").write_bytes(b"\xff\xfe\x00"), "cannot be read as JSON"),
    "very deep": (lambda f: (f / "model_index.json").write_text("[" * 100_000), "cannot be read as JSON"),
    "a list": (lambda f: (f / "model_index.json").write_text("[1, 2]"), "model_index.json is a list"),
    "no class": (lambda f: index(f, _class_name="gone"), "names the pipeline None"),
    "a class of nobody": (lambda f: index(f, _class_name="NoSuchPipeline"), "names the pipeline 'NoSuchPipeline'"),
    "a class that is none": (lambda f: index(f, _class_name=["own", "Pipeline"]), r"names the pipeline \["),
    "a model for a pipeline": (lambda f: index(f, _class_name="AutoencoderKL"), "names the pipeline 'AutoencoderKL'"),
    "no unet named": (lambda f: index(f, unet="gone"), "names no unet"),
    "the vae left out": (lambda f: index(f, vae=[None, None]), "names no vae"),
    "a part by one word": (lambda f: index(f, unet=["diffusers"]), "its unet stands in model_index.json as"),
    "a part as a number": (lambda f: index(f, vae=5), "its vae stands in model_index.json as 5"),
    "another library": (lambda f: index(f, unet=["os", "system"]), "its unet is to come from 'os'"),
    "its own code": (lambda f: index(f, unet=["../own", "Net"]), "its unet is to come from '../own'"),
    "a class diffusers lacks": (lambda f: index(f, unet=["diffusers", "NoNet"]), r"its unet does not open \(.*NoNet"),
    "a function": (lambda f: index(f, unet=["diffusers", "logging"]), "its unet is to be a logging of diffusers"),
    "no folder of a part": (lambda f: shutil.rmtree(f / "text_encoder"), "its text_encoder is missing"),
    "a file for a folder": (lambda f: (shutil.rmtree(f / "vae"), (f / "vae").write_text("x")), "its vae is missing"),
    "no weights": (lambda f: only_weights(f / "unet").unlink(), "its unet has no safetensors weights"),
    "pickled weights": (lambda f: pickled(f / "text_encoder"), "its text_encoder has no safetensors weights; pickled"),
    "half the weights": (lambda f: cut(only_weights(f / "vae")), "its vae does not open"),
    "empty weights": (lambda f: cut(only_weights(f / "text_encoder"), 0), "its text_encoder does not open"),
    "noise for weights": (lambda f: only_weights(f / "unet").write_bytes(b"\xff" * 40), "its unet does not open"),
    "a picture for weights": (lambda f: only_weights(f / "text_encoder").write_bytes(b"\x89PNG\r\n\x1a\n" * 9),
                              "its text_encoder does not open"),
    "no config": (lambda f: (f / "unet/config.json").unlink(), "its unet does not open"),
    "a config of nothing": (lambda f: (f / "vae/config.json").write_text(""), "its vae does not open"),
    "a config that is a list": (lambda f: (f / "unet/config.json").write_text("[]"), "its unet does not open"),
    "text for a number": (lambda f: config(f / "text_encoder", hidden_size="many"), "its text_encoder does not open"),
    "heads that do not divide": (lambda f: config(f / "text_encoder", num_attention_heads=7),
                                 "its text_encoder does not open"),
    "blocks of nobody": (lambda f: config(f / "unet", down_block_types=["Nope", "Nope"]), "its unet does not open"),
    "no channels": (lambda f: config(f / "vae", norm_num_groups=0), "its vae does not open"),
    "another width": (lambda f: config(f / "unet", cross_attention_dim=48), "its unet has .* in the shape"),
    "betas of nobody": (lambda f: config(f / "scheduler", beta_schedule="of the day"), "its scheduler does not open"),
    "no scheduler": (lambda f: (f / "scheduler/scheduler_config.json").unlink(), "its scheduler does not open"),
    "no vocabulary": (lambda f: (f / "tokenizer/tokenizer.json").write_text("{}"), "its tokenizer does not open"),
    "an adapter": (lambda f: (f / "text_encoder/adapter_config.json").write_text("{}"),
                   "its text_encoder is a LoRA adapter"),
    "an index of shards that is none": (
        lambda f: (f / "unet/diffusion_pytorch_model.safetensors.index.json").write_text("{}"),
        "its unet does not open"),
    "shards that are not there": (
        lambda f: (f / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": {"conv_in.weight": "gone.safetensors"}})),
        "its unet does not open"),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_folder_is_one_sentence_that_names_the_part(folders, tmp_path, how):
    copy = shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "damaged")
    damage, expected = DAMAGED[how]
    damage(copy)
    with pytest.raises(EngineError, match=expected) as caught:
        diffusion.load(str(copy), device="cpu")
    told = str(caught.value)
    assert "damaged does not load as a text-to-image pipeline: " in told and "\n" not in told
    assert "again" in told or "Choose" in told, "a remedy"


WRITERS = {
    "no layer": (lambda f: changed(f, lambda t: [t.pop(n) for n in list(t) if ".layers.1." in n]), "its model lacks 9"),
    "a layer more": (lambda f: config(f, num_hidden_layers=1), "its model holds 9 weights"),
    "another shape": (lambda f: config(f, intermediate_size=65), r"its model has .* in the shape \["),
    "no config": (lambda f: (f / "config.json").unlink(), "its tokenizer does not open|its model does not open"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "does not open"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), "does not open"),
    "an unknown kind": (lambda f: config(f, model_type="nothing"), "its model does not open|its tokenizer does not"),
    "text for a number": (lambda f: config(f, num_hidden_layers="two"), "does not open"),
    "half the weights": (lambda f: cut(only_weights(f)), "model.safetensors is damaged"),
    "pickled": (pickled, "its folder has no safetensors weights; pickled"),
    "its own code": (lambda f: config(f, model_type="own", auto_map={
        "AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}), "opens only with code of its own"),
    "no tokenizer": (lambda f: [file.unlink() for file in f.glob("tokenizer*")], "its tokenizer does not open"),
    "a tokenizer of nothing": (lambda f: (f / "tokenizer.json").write_text("{}"), "its tokenizer does not open"),
}


@pytest.mark.parametrize("how", WRITERS)
def test_a_damaged_writer_is_one_sentence_that_names_the_part(writer, tmp_path, how):
    copy = Path(shutil.copytree(writer, tmp_path / "damaged"))
    damage, expected = WRITERS[how]
    damage(copy)
    (copy / "own.py").write_text("raise SystemExit('code from a checkpoint ran')")
    with pytest.raises(EngineError, match=expected) as caught:
        causal_lm.load(str(copy), device="cpu")
    assert "damaged does not load as a causal language model: its " in str(caught.value)


@pytest.mark.parametrize("damage", [
    lambda f: (f / "unet/config.json").write_text("[]"), lambda f: config(f / "unet", norm_num_groups=0),
    lambda f: cut(only_weights(f / "unet"))])
def test_a_damaged_unet_is_named_where_only_its_shapes_are_asked_for(folders, tmp_path, damage):
    copy = shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "damaged")
    assert skeleton.unet(copy).device.type == "meta"
    damage(copy)
    with pytest.raises(EngineError, match="damaged does not load as .* its unet does not open.* save it again"):
        skeleton.unet(copy)


def test_a_writer_with_one_table_for_words_in_and_out_opens(tmp_path, writer):
    copy = shutil.copytree(writer, tmp_path / "tied")
    config(copy, tie_word_embeddings=True)
    changed(copy, lambda tensors: tensors.pop("lm_head.weight"))
    model = causal_lm.load(str(copy), device="cpu").model
    assert torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)
    untied = shutil.copytree(writer, tmp_path / "untied")
    changed(untied, lambda tensors: tensors.pop("lm_head.weight"))
    assert "its model lacks 1 weight (lm_head.weight)" in refusal(untied, causal_lm.load)
