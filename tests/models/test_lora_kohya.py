"""kohya's files both ways: an independent reader gets the same deltas, and diffusers' own converter the same names."""
import json
import re

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.lora_conversion_utils import _maybe_map_sgm_blocks_to_diffusers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.core.errors import EngineError
from engine.models.lora import foreign_files, modelspec, original_names
from engine.models.lora.factors import Lora, target_layers
from engine.models.mixture import Mixture
from tests.models.experts import EVERYWHERE, random_experts
from tests.models.lora_files import loaded, paint, read_elsewhere, write_kohya
from tests.tiny_models import tiny_sdxl, tiny_stable_diffusion

OURS = {"input_blocks": "down_blocks", "middle_block": "mid_block", "output_blocks": "up_blocks"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="module")
def experts(base):
    """One of attention alone, one of everything, alpha other than rank."""
    unet = loaded(base).unet
    mixture = Mixture(unet, {"attention": Lora(4, 10), "wide": Lora(2, 1, EVERYWHERE)})
    random_experts(mixture)
    yield unet, {name: mixture.expert(name) for name in mixture.names}
    mixture.remove()


@pytest.mark.parametrize("name", ["attention", "wide"])
def test_an_independent_reader_gets_the_same_deltas(experts, tmp_path, name):
    unet, made = experts
    write_kohya(tmp_path / "a.safetensors", made[name], {"name": name})
    found = read_elsewhere(tmp_path / "a.safetensors", unet)
    assert set(found) == set(made[name])
    for path, factors in made[name].items():
        delta = factors.delta().double()
        assert (found[path] - delta).norm() / delta.norm() < 1e-3, "half precision"


def test_a_file_comes_back_as_the_expert_it_was(experts, tmp_path):
    unet, made = experts
    for name, expert in made.items():
        write_kohya(tmp_path / f"{name}.safetensors", expert, {"name": name})
        foreign = foreign_files.read(tmp_path / f"{name}.safetensors", unet)
        back = foreign.expert
        assert (foreign.left_out, foreign.notes) == (0, ()) and set(back) == set(expert)
        for path, f in expert.items():
            assert (back[path].delta() - f.delta()).norm() / f.delta().norm() < 1e-3, "half"
            assert back[path].scale == f.scale


@pytest.mark.filterwarnings("ignore:Already found a .peft_config.:UserWarning")
@pytest.mark.parametrize("name", ["attention", "wide"])
def test_plain_diffusers_reads_it_too(base, experts, tmp_path, name):
    _, made = experts
    same_pictures(base, made[name], tmp_path)


def test_plain_diffusers_reads_it_for_sdxl_too(tmp_path):
    base = tiny_sdxl(tmp_path / "base")
    mixture = Mixture(loaded(base).unet, {"a": Lora(2, 1, EVERYWHERE)})
    random_experts(mixture)
    assert "add_embedding.linear_1" in mixture.expert("a")
    same_pictures(base, mixture.expert("a"), tmp_path)


def same_pictures(base, expert, folder):
    """The file holds float16: ours are painted with the factors as it rounds them."""
    write_kohya(folder / "a.safetensors", expert, {"name": "a"})
    theirs, ours = loaded(base), loaded(base)
    before = paint(theirs)
    theirs.load_lora_weights(folder, weight_name="a.safetensors")
    rounded = {path: f._replace(a=f.a.half().float(), b=f.b.half().float()) for path, f in expert.items()}
    with Mixture(ours.unet, {"a": rounded}).mix({"a": 1.0}):
        assert (paint(ours) - paint(theirs)).abs().max() < 1e-5 < 1e-2 < (paint(theirs) - before).abs().max()


def test_the_header_says_what_it_is_and_what_it_was_made_from(experts, tmp_path):
    recipe = {"name": "all", "experts": {"counting": 0.5, "styles": 0.5}, "base": {"model": "own/base", "sha256": "ab"}}
    write_kohya(tmp_path / "a.safetensors", experts[1]["attention"], recipe)
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        header = file.metadata()
    assert header["ss_network_module"] == "networks.lora" and header["ss_network_dim"] == "4"
    assert header["ss_network_alpha"] == "10.0" and header["modelspec.merged_from"] == "counting, styles"
    assert json.loads(header["ss_training_comment"]) == recipe and header["ss_sd_model_hash"] == "ab"
    assert header["modelspec.architecture"] == "unknown/lora" and "ss_steps" not in header
    told = modelspec.header(experts[1]["attention"], 10.0, {"steps": 300, "step": 120, "pictures": 40, "batch_size": 8})
    assert (told["ss_steps"], told["ss_num_train_images"], told["ss_batch_size_per_device"]) == ("120", "40", "8")


@pytest.mark.parametrize(("width", "version", "architecture"), [
    (768, "sd_v1", "stable-diffusion-v1/lora"), (1024, "sd_v2", "stable-diffusion-v2-512/lora"),
    (2048, "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora")])
def test_the_family_is_read_from_the_shapes(width, version, architecture):
    layers = {"down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k": torch.nn.Linear(width, 320)}
    header = modelspec.header(Lora(2, 2).expert(layers, "a", 0), 2.0, {})
    assert (header["ss_base_model_version"], header["modelspec.architecture"]) == (version, architecture)


@pytest.mark.parametrize(("width", "prediction", "version", "architecture", "told"), [
    (1024, "v_prediction", "sd_v2_v", "stable-diffusion-v2-768-v/lora", "v"),
    (1024, "epsilon", "sd_v2", "stable-diffusion-v2-512/lora", "epsilon"),
    (768, "v_prediction", "sd_v1", "stable-diffusion-v1/lora", "v")])
def test_a_base_that_predicts_velocity_is_told_apart(width, prediction, version, architecture, told):
    layers = {"down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k": torch.nn.Linear(width, 320)}
    header = modelspec.header(Lora(2, 2).expert(layers, "a", 0), 2.0, {"base": {"prediction": prediction}})
    assert (header["ss_base_model_version"], header["modelspec.architecture"]) == (version, architecture)
    assert header["modelspec.prediction_type"] == told and header["ss_v2"] == str(width == 1024)
    assert modelspec.family_in(header) == version.removesuffix("_v")


def sdxl_like():
    """SDXL's layout (three levels, two layers each, attention on two of them) on the meta device."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=32, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(32, 64, 64),
            transformer_layers_per_block=(1, 2, 2), cross_attention_dim=32, attention_head_dim=8, norm_num_groups=8,
            use_linear_projection=True,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"))


def test_the_original_names_are_those_that_diffusers_converts():
    unet = sdxl_like()
    layers = target_layers(unet, ("to_q", "to_out.0", "proj_in", "conv1", "conv2", "time_emb_proj"))
    names = {original: path for original, path in original_names.paths_by_name(unet).items() if path in layers}
    ours = {name: path for name, path in names.items() if re.match("(in|out)put_blocks|middle_block", name)}
    assert set(ours.values()) == set(layers)
    theirs = _maybe_map_sgm_blocks_to_diffusers(
        {f"lora_unet_{name}.lora_down.weight": path for name, path in ours.items()}, unet.config)
    for key, path in theirs.items():
        converted = key.removeprefix("lora_unet_").removesuffix(".lora_down.weight")
        for old, new in OURS.items():
            converted = converted.replace(old, new)
        inner = path.replace(".", "_")
        for own, original in original_names.RESNET.items():
            inner = re.sub(f"_{own}$", f"_{original}", inner) if "resnets" in path else inner
        assert converted == inner


def test_samplers_of_size_and_ends_have_their_original_names():
    names = original_names.paths_by_name(sdxl_like())
    assert names["input_blocks_3_0_op"] == "down_blocks.0.downsamplers.0.conv"
    assert names["output_blocks_2_2_conv"] == "up_blocks.0.upsamplers.0.conv"
    assert names["middle_block_1_proj_in"] == "mid_block.attentions.0.proj_in"
    assert names["time_embed_2"] == "time_embedding.linear_2" and names["input_blocks_0_0"] == "conv_in"


def test_the_text_encoders_part_is_left_out_and_counted(experts, tmp_path):
    unet, made = experts
    write_kohya(tmp_path / "a.safetensors", made["attention"], {})
    tensors = load_file(tmp_path / "a.safetensors")
    tensors |= {f"lora_te_text_model_x.{part}": torch.ones(2, 2) for part in ("lora_down.weight", "lora_up.weight")}
    save_file(tensors, tmp_path / "b.safetensors")
    foreign = foreign_files.read(tmp_path / "b.safetensors", unet)
    assert foreign.left_out == 2 and set(foreign.expert) == set(made["attention"])


def test_without_alpha_it_is_the_rank_and_bfloat16_is_read(experts, tmp_path):
    unet, made = experts
    write_kohya(tmp_path / "a.safetensors", made["attention"], {})
    tensors = {key: tensor.bfloat16() for key, tensor in load_file(tmp_path / "a.safetensors").items()
               if not key.endswith("alpha")}
    save_file(tensors, tmp_path / "b.safetensors")
    back = foreign_files.read(tmp_path / "b.safetensors", unet).expert
    assert all(f.scale == 1.0 and f.a.dtype == torch.float32 for f in back.values())


LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
GOOD = {f"{LAYER}.lora_down.weight": torch.ones(2, 32), f"{LAYER}.lora_up.weight": torch.ones(32, 2)}


def test_a_whole_number_for_alpha_is_read(experts, tmp_path):
    unet, made = experts
    write_kohya(tmp_path / "a.safetensors", made["attention"], {})
    tensors = {key: tensor.to(torch.int64) if key.endswith("alpha") else tensor
               for key, tensor in load_file(tmp_path / "a.safetensors").items()}
    save_file(tensors, tmp_path / "b.safetensors")
    assert all(f.scale == 2.5 for f in foreign_files.read(tmp_path / "b.safetensors", unet)[0].values())


@pytest.mark.parametrize(("tensors", "reason"), [
    ({**GOOD, f"{LAYER}.dora_scale": torch.ones(1)}, "is a DoRA"),
    ({"unet.mid_block.attentions.0.proj_in.lora_magnitude_vector": torch.ones(1)}, "is a DoRA"),
    ({f"{LAYER}.hada_w1_a": torch.ones(2, 2)}, "is a LoHa"),
    ({f"{LAYER}.lokr_w1": torch.ones(2, 2)}, "is a LoKr"),
    ({f"{LAYER}.lora_down.weight": torch.ones(2, 32)}, "do not fit together"),
    ({**GOOD, f"{LAYER}.lora_down.weight": torch.ones(2, 31)}, "32 x 32 in .*32 x 31 in"),
    ({**GOOD, f"{LAYER}.lora_up.weight": torch.full((32, 2), torch.nan)}, "no numbers"),
    ({key.replace("mid_block", "mid_brick"): value for key, value in GOOD.items()}, "made for another model"),
    ({**GOOD, f"{LAYER}.surprise": torch.ones(1)}, "no part of a plain LoRA"),
    ({key: value.to(torch.int8) for key, value in GOOD.items()}, "Export it in float32"),
    ({key: value.to(torch.float8_e4m3fn) for key, value in GOOD.items()}, "Export it in float32"),
    ({**GOOD, f"{LAYER}.lora_up.weight": torch.ones(32, 2, 3, 3)}, "do not fit together"),
    ({"lora_te_text_model_x.lora_down.weight": torch.ones(2, 2)}, "the text encoder alone"),
    ({"unet.mid_block.nowhere.lora_A.weight": torch.ones(2, 32),
      "unet.mid_block.nowhere.lora_B.weight": torch.ones(32, 2)}, "made for another model"),
    ({"something.else": torch.ones(1)}, "Only LoRAs"),
])
def test_what_does_not_fit_is_refused_with_the_reason(experts, tmp_path, tensors, reason):
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(EngineError, match=reason):
        foreign_files.read(tmp_path / "a.safetensors", experts[0])


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "damaged"), (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "damaged"), (b"PK\x03\x04rest", "pickled")])
def test_a_damaged_or_pickled_file_is_refused(experts, tmp_path, content, reason):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(EngineError, match=reason):
        foreign_files.read(tmp_path / "a.safetensors", experts[0])


def test_a_truncated_file_is_refused(experts, tmp_path):
    save_file(GOOD, tmp_path / "a.safetensors")
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(EngineError, match="damaged"):
        foreign_files.read(tmp_path / "a.safetensors", experts[0])
