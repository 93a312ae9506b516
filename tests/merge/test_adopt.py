"""LoRAs of others become experts of the run: trained here or there, they mix alike."""
import json
import re

import pytest
import torch
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from engine import merge
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.merge import adopt
from engine.models import tensor_files
from engine.models.lora import expert_files, foreign_files
from tests.models.lora_files import loaded, write_kohya
from tests.tiny_models import tiny_flux, tiny_stable_diffusion


@pytest.fixture
def files(expert, tmp_path):
    """One expert as two programs would have saved it."""
    write_kohya(tmp_path / "theirs.safetensors", expert, {"name": "theirs"})
    expert_files.write(tmp_path / "peft", expert, {})
    return {"kohya": tmp_path / "theirs.safetensors", "peft": tmp_path / "peft" / expert_files.FILE_NAME}


def take(store, **config):
    return list(adopt.run(adopt.Config(**config), store))


def test_the_same_file_for_another_base_is_another_expert(base, files, tmp_path):
    store, given = Store(tmp_path / "run"), {"file": str(files["kohya"]), "name": "foreign"}
    take(store, **given, model=str(base))
    assert "is here already" in take(store, **given, model=str(base))[-1].text
    other = tiny_stable_diffusion(tmp_path / "other", seed=1)
    with pytest.raises(EngineError, match="another base .*another name"):
        take(store, **given, model=str(other))


@pytest.mark.parametrize("kind", ["kohya", "peft"])
def test_a_file_of_either_format_becomes_an_expert(base, expert, files, tmp_path, kind):
    store = Store(tmp_path / "run")
    events = take(store, file=str(files[kind]), name="foreign", model=str(base))
    assert events[-1].kind == "done" and f"{len(expert)} layers of rank 4" in events[-1].text
    back = expert_files.read(store.expert("foreign"))
    assert all((back.expert[path].delta() - factors.delta()).abs().max() < 2e-3 for path, factors in expert.items())
    assert back.recipe["source"] == {"file": files[kind].name, "sha256": tensor_files.sha256(files[kind])}
    assert "taken in from" in (store.expert("foreign") / "README.md").read_text()
    merged = list(merge.run(merge.Config(experts={"foreign": 1.0}, name="m"), store))
    assert "Verified: plain diffusers computes the same" in merged[-1].text


def test_it_is_taken_in_once_and_no_other_takes_its_name(base, files, tmp_path):
    store = Store(tmp_path / "run")
    take(store, file=str(files["kohya"]), name="foreign", model=str(base))
    (event,) = take(store, file=str(files["kohya"]), name="foreign", model=str(base))
    assert "here already" in event.text
    with pytest.raises(EngineError, match="Choose another name"):
        take(store, file=str(files["peft"]), name="foreign", model=str(base))


@pytest.mark.parametrize("dialect", ["scripts", "attention processors"])
def test_the_files_of_diffusers_training_scripts_come_in(base, tmp_path, dialect):
    """Written by diffusers' own functions, as its examples and SELMA's call them; and as they did before peft."""
    pipe, store = loaded(base), Store(tmp_path / "run")
    pipe.unet.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_k", "to_v", "to_out.0"],
                                     init_lora_weights=False))
    state = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipe.unet))
    file = tmp_path / expert_files.FILE_NAME
    if dialect == "scripts":
        pipe.save_lora_weights(tmp_path, unet_lora_layers=state)
    else:
        names = {key: re.sub(r"\.(to_[qkv]|to_out)(?:\.0)?\.lora\.", r".processor.\1_lora.", key) for key in state}
        save_file({f"unet.{names[key]}": tensor.contiguous() for key, tensor in state.items()}, file)
    assert any("_lora.down" in key or ".lora.down" in key for key in tensor_files.read(file)[0])
    take(store, file=str(file), name="foreign", model=str(base))
    back = expert_files.read(store.expert("foreign")).expert
    layers = {name: layer for name, layer in pipe.unet.named_modules() if isinstance(layer, LoraLayer)}
    assert set(back) == set(layers) and len(layers) > 4
    assert all(torch.allclose(back[name].delta(), layer.get_delta_weight("default"), atol=1e-6)
               for name, layer in layers.items())


@pytest.mark.parametrize("start", ["pissa", "pissa_niter_4", "olora", "corda", "loftq", "lora_ga"])
def test_a_lora_that_took_its_start_out_of_the_base_is_refused(base, expert, tmp_path, start):
    expert_files.write(tmp_path, expert, {})
    tensors, header = tensor_files.read(tmp_path / expert_files.FILE_NAME)
    told = {**json.loads(header["lora_adapter_metadata"]), "unet.init_lora_weights": start}
    tensor_files.write(tmp_path / "a.safetensors", tensors, {**header, "lora_adapter_metadata": json.dumps(told)})
    remedy = "path_initial_model_for_weight_conversion"
    with pytest.raises(EngineError, match=f"begun by {start}.*{remedy}"):
        take(Store(tmp_path / "run"), file=str(tmp_path / "a.safetensors"), name="foreign", model=str(base))


def test_the_text_encoders_part_is_told(base, files, tmp_path):
    tensors = {**{f"lora_te_x.{part}": torch.ones(2, 2) for part in ("lora_down.weight", "lora_up.weight")}}
    own, _ = tensor_files.read(files["kohya"])
    save_file(own | tensors, tmp_path / "both.safetensors")
    events = take(Store(tmp_path / "run"), file=str(tmp_path / "both.safetensors"), name="foreign", model=str(base))
    assert "text encoder's part (2 tensors) is left out" in events[-1].text


@pytest.mark.parametrize(("changes", "reason"), [
    ({"file": "/nowhere/a.safetensors"}, "There is no file"), ({"file": ""}, "There is no file"),
    ({"name": "../out"}, "cannot be the name"),
    ({"model": "FLUX"}, "flux has no")])
def test_what_cannot_be_taken_in_is_refused_and_leaves_nothing(base, files, tmp_path, changes, reason):
    if changes.get("model"):
        changes = {"model": str(tiny_flux(tmp_path / "flux"))}
    options = {"file": str(files["kohya"]), "name": "foreign", "model": str(base)} | changes
    with pytest.raises(EngineError, match=reason):
        take(Store(tmp_path / "run"), **options)
    assert not (tmp_path / "run").exists()


def test_another_base_is_refused(files, tmp_path):
    other = tmp_path / "other" / "unet"
    other.mkdir(parents=True)
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (tmp_path / "other" / "model_index.json").write_text(json.dumps(index))
    config = {"block_out_channels": [32, 64], "norm_num_groups": 8, "cross_attention_dim": 24, "layers_per_block": 1,
              "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "attention_head_dim": 8,
              "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "_class_name": "UNet2DConditionModel"}
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineError, match="in the base and .* in the LoRA"):
        take(Store(tmp_path / "run"), file=str(files["kohya"]), name="foreign", model=str(tmp_path / "other"))


def test_pefts_own_file_comes_in_with_the_alpha_that_lies_beside_it(base, tmp_path):
    unet = loaded(base).unet
    adapted = get_peft_model(unet, LoraConfig(r=4, lora_alpha=10, target_modules=["to_q", "to_v"],
                                              alpha_pattern={"attn1.to_q": 3}, init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "theirs")
    file, store = tmp_path / "theirs" / "adapter_model.safetensors", Store(tmp_path / "run")
    take(store, file=str(file), name="foreign", model=str(base))
    back = expert_files.read(store.expert("foreign")).expert
    layers = {name.removeprefix("base_model.model."): layer for name, layer in adapted.named_modules()
              if isinstance(layer, LoraLayer)}
    assert set(back) == set(layers) and len(layers) > 2
    for path, layer in layers.items():
        assert (back[path].delta() - layer.get_delta_weight("default")).abs().max() < 1e-6
    (tmp_path / "theirs" / "adapter_config.json").unlink()
    with pytest.raises(EngineError, match="Put that file beside it"):
        take(store, file=str(file), name="other", model=str(base))


@pytest.mark.parametrize(("header", "other"), [
    ({"ss_base_model_version": "sd_v2"}, "sd_v2"),
    ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "sdxl"),
    ({"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl")])
def test_a_header_that_names_another_family_is_believed(expert, tmp_path, header, other):
    """Self-attention has the same shapes in several families."""
    file = tmp_path / "theirs.safetensors"
    write_kohya(file, expert, {"name": "theirs"})
    tensors, _ = tensor_files.read(file)
    save_file(tensors, file, header)
    model = torch.nn.Linear(1, 1)
    model.config = {"cross_attention_dim": 768}
    with pytest.raises(EngineError, match=f"was made for {other}.*, and this base is sd_v1"):
        foreign_files.read(file, model)


@pytest.mark.parametrize("kind", ["kohya", "peft"])
@pytest.mark.parametrize("value", [1e30, float("nan"), -float("inf")])
def test_values_that_cannot_be_are_refused_as_what_they_are(base, files, tmp_path, kind, value):
    tensors, header = tensor_files.read(files[kind])
    key = next(key for key in tensors if not key.endswith("alpha"))
    tensors = {name: tensor.float() for name, tensor in tensors.items()}
    tensors[key][0, 0] = value
    file, store = tmp_path / "bad.safetensors", Store(tmp_path / "run")
    save_file(tensors, file, header)
    reason = "too large .*far below 1" if value == 1e30 else "no numbers"
    with pytest.raises(EngineError, match=f"values that are {reason}.*choose another") as raised:
        take(store, file=str(file), name="foreign", model=str(base))
    assert "diverged" not in str(raised.value) and not store.folder.exists()


def test_a_flat_alpha_counts_and_what_it_contradicts_is_told(base, expert, tmp_path):
    """Rank 4; four times too strong where the header's alpha is left out."""
    expert_files.write(tmp_path, expert, {})
    tensors, _ = tensor_files.read(tmp_path / expert_files.FILE_NAME)
    save_file(tensors, tmp_path / "flat.safetensors", {
        "unet.lora_alpha": "1", "unet.r": "4", "ss_network_alpha": "4"})
    store = Store(tmp_path / "run")
    events = take(store, file=str(tmp_path / "flat.safetensors"), name="foreign", model=str(base))
    told = "Its header says alpha 4 (ss_network_alpha), unet.lora_alpha 1: the latter counts."
    assert told in events[-1].text and told in (store.expert("foreign") / "README.md").read_text()
    back = expert_files.read(store.expert("foreign")).expert
    assert {factors.scale for factors in back.values()} == {0.25}


@pytest.mark.parametrize("recipe", ["[]", "5", '{"source": "a"}', '{"base": []}'])
def test_a_recipe_of_the_wrong_kind_is_told(base, files, tmp_path, recipe):
    store = Store(tmp_path / "run")
    store.expert("foreign").mkdir(parents=True)
    (store.expert("foreign") / "recipe.json").write_text(recipe)
    with pytest.raises(EngineError, match=r"recipe\.json is damaged"):
        take(store, file=str(files["kohya"]), name="foreign", model=str(base))
