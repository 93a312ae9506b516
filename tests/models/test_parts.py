"""Every weight of a checkpoint comes from its files: a part that lacks some is refused by name."""
import shutil

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import load_file, save_file

from engine.models import causal_lm, checkpoints, diffusion
from tests.models.damage import changed, config, only_weights, refusal
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
    "tiny_sdxl": {"text_encoder": (CLIP, 2), "text_encoder_2": (CLIP, 2),
                  "unet": (("up_blocks.{}.",), 2), "vae": (("decoder.up_blocks.{}.",), 3)},
    "tiny_sd3": {"text_encoder": (CLIP, 2), "text_encoder_2": (CLIP, 2), "text_encoder_3": (T5, 1),
                 "transformer": (("transformer_blocks.{}.",), 1),
                 "vae": (("decoder.up_blocks.{}.",), 3)},
    "tiny_flux": {"text_encoder": (CLIP, 2), "text_encoder_2": (T5, 1),
                  "transformer": (("single_transformer_blocks.{}.",), 1),
                  "vae": (("encoder.down_blocks.{}.",), 3)},
}
FIRST_NAMES = (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0"))
"""What diffusers called a VAE's attention first, and today."""
PARTS = [(family, part) for family, of in LAYERS.items() for part in of]


def tiny_second(folder):
    """As Stable Diffusion 2 differs: linear projections, heads by level."""
    tiny_stable_diffusion(folder)
    unet = tiny_unet(32, use_linear_projection=True, attention_head_dim=(4, 8))
    unet.save_pretrained(folder / "unet")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    kinds = (tiny_stable_diffusion, tiny_second, tiny_sdxl, tiny_sd3, tiny_flux)
    return {kind.__name__: kind(root / kind.__name__) for kind in kinds}


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    return tiny_writer(tmp_path_factory.mktemp("writer") / "tiny")


def of_layer(tensors, starts, number):
    return [name for name in tensors for start in starts if name.startswith(start.format(number))]


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
def test_a_layer_too_many_or_of_another_shape_is_refused(folders, tmp_path, family, part):
    copy = shutil.copytree(folders[family], tmp_path / "copy")
    starts, layers = LAYERS[family][part]
    whole = load_file(only_weights(copy / part))
    last = of_layer(whole, starts, layers - 1)

    def with_more(tensors):
        for name in last:
            start, = (start for start in starts if name.startswith(start.format(layers - 1)))
            within = name.removeprefix(start.format(layers - 1))
            tensors[start.format(layers) + within] = tensors[name].clone()

    changed(copy / part, with_more)
    assert f"its {part} holds {len(last)} weights (" in refusal(copy)

    def misshapen(tensors):
        tensors.clear()
        tensors |= whole | {last[0]: torch.zeros(*whole[last[0]].shape, 2)}

    changed(copy / part, misshapen)
    told, short = refusal(copy), last[0].removeprefix("text_model.")
    assert f"its {part} has " in told and short in told
    found, expected = [*whole[last[0]].shape, 2], [*whole[last[0]].shape]
    assert f"in the shape {found}, where its config.json says {expected}." in told


@pytest.mark.parametrize(("part", "target"), [("unet", "to_q"), ("text_encoder", "q_proj")])
def test_a_pipeline_with_a_lora_in_it_is_told_how_to_be_saved(folders, tmp_path, part, target):
    pipe = StableDiffusionPipeline.from_pretrained(folders["tiny_stable_diffusion"])
    inject_adapter_in_model(LoraConfig(r=2, target_modules=[target]), getattr(pipe, part))
    if part == "unet":
        pipe.unet.save_pretrained(tmp_path / "adapted" / part)
        shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "adapted", dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("unet"))
    else:  # transformers' own saving refuses it; older versions did not
        shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "adapted")
        file = only_weights(tmp_path / "adapted" / part)
        save_file(pipe.text_encoder.state_dict(), file, {"format": "pt"})
    told = refusal(tmp_path / "adapted")
    assert f"its {part} was saved with a LoRA in it" in told
    assert "pipe.unload_lora_weights()" in told
    assert "pipe.fuse_lora()" in told and told.endswith("save it again.")


def test_names_of_older_versions_and_parts_of_larger_models_open_as_ever(folders, tmp_path):
    base = diffusion.load(str(folders["tiny_stable_diffusion"]), device="cpu")
    copy = shutil.copytree(folders["tiny_stable_diffusion"], tmp_path / "copy")

    def like_transformers_4(tensors):
        renamed = {f"text_model.{name.removeprefix('text_model.')}": tensor
                   for name, tensor in tensors.items()}
        tensors.clear()
        tensors |= renamed | {"text_model.embeddings.position_ids": torch.arange(32)[None]}
        tensors |= {"vision_model.embeddings.class_embedding": torch.zeros(4),
                    "logit_scale": torch.zeros(1), "text_projection.weight": torch.zeros(4, 4)}

    def like_diffusers_0_10(tensors):
        for old, new in FIRST_NAMES:
            for name in [name for name in tensors if f".attentions.0.{new}." in name]:
                tensors[name.replace(f".{new}.", f".{old}.")] = tensors.pop(name)

    changed(copy / "text_encoder", like_transformers_4)
    changed(copy / "vae", like_diffusers_0_10)
    older = diffusion.load(str(copy), device="cpu")
    for part in ("text_encoder", "vae"):
        ours, theirs = (getattr(one.pipe, part).state_dict() for one in (older, base))
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_a_checkpoint_that_has_only_half_precision_files_opens(folders, tmp_path):
    pipe = diffusion.load(str(folders["tiny_sdxl"]), device="cpu").pipe
    half = tmp_path / "half"
    pipe.to(torch.float16).save_pretrained(half, variant="fp16", max_shard_size="60KB")
    assert not (half / "unet/diffusion_pytorch_model.safetensors").exists()
    assert len(list(half.glob("unet/*fp16*"))) > 2
    opened = diffusion.load(str(half), device="cpu")
    assert opened.pipe.unet.dtype == torch.float32
    stored, ours = pipe.unet.state_dict(), opened.pipe.unet.state_dict()
    assert all(torch.equal(value.half(), stored[name]) for name, value in ours.items())
    whole = tmp_path / "whole"
    pipe.save_pretrained(whole)
    assert opened.fingerprint == checkpoints.fingerprint(whole)
    assert opened.fingerprint != checkpoints.fingerprint(folders["tiny_sdxl"])


def test_a_writer_with_one_table_for_words_in_and_out_opens(tmp_path, writer):
    copy = shutil.copytree(writer, tmp_path / "tied")
    config(copy, tie_word_embeddings=True)
    changed(copy, lambda tensors: tensors.pop("lm_head.weight"))
    model = causal_lm.load(str(copy), device="cpu").model
    assert torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)
    untied = shutil.copytree(writer, tmp_path / "untied")
    changed(untied, lambda tensors: tensors.pop("lm_head.weight"))
    assert "its model lacks 1 weight (lm_head.weight)" in refusal(untied, causal_lm.load)
