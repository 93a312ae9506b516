"""The layers that a family names are those of its real networks, neither more nor less."""

import json
import re

import pytest
from diffusers import SD3Transformer2DModel

from engine.core.errors import EngineError
from engine.models import empty_denoiser, families, targets
from engine.models.checkpoints import SHIPPED
from engine.models.lora.factors import is_target, target_layers
from tests.tiny_models import tiny_flux, tiny_sd3, tiny_sdxl, tiny_stable_diffusion

KNOWN = [(name, path) for name, family in families.all_families().items() for path in family.TARGET_PATHS]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Checkpoints by family."""
    root = tmp_path_factory.mktemp("bases")
    return {"stable_diffusion": [tiny_stable_diffusion(root / "sd"), tiny_sdxl(root / "xl"), SHIPPED["storybook"]],
            "stable_diffusion_3": [tiny_sd3(root / "sd3")]}


@pytest.fixture(scope="module")
def networks(folders):
    """Networks without weights, by family."""
    found = {name: [empty_denoiser.load(folder) for folder in some] for name, some in folders.items()}
    # several blocks, of which the first looks at the picture twice, as in 3.5 medium
    config = {**found["stable_diffusion_3"][0].config, "num_layers": 3, "dual_attention_layers": (0,)}
    found["stable_diffusion_3"].append(SD3Transformer2DModel.from_config(config))
    return found


def paths_of(networks):
    return {path for network in networks for path, module in network.named_modules() if is_target(module)}


@pytest.mark.parametrize("name", families.all_families())
def test_every_layer_of_a_real_network_is_a_target_of_its_family(name, networks, folders):
    paths = paths_of(networks[name])
    assert len(paths) > 30
    targets.check(paths, folders[name][0])
    targets.check(paths)


@pytest.mark.parametrize(("name", "known"), KNOWN)
def test_no_other_is(name, known, networks):
    """Each path that is named is one of a real network, with numbers for what counts."""
    shape = re.compile(re.escape(known).replace("\\#", r"\d+"))
    assert any(shape.fullmatch(path) for path in paths_of(networks[name]))


@pytest.mark.parametrize("wrong", ["to_z", "attn1", "o_q", "", "to_out", "ff.net.1", "to_q.weight", "x.to_q"])
def test_what_no_network_has_is_refused_as_training_would(wrong, networks):
    with pytest.raises(EngineError, match="Choose targets from to_q"):
        targets.check(["to_q", wrong])
    for some in networks.values():
        for network in some:
            with pytest.raises(EngineError):
                target_layers(network, [wrong])


def test_a_layer_of_another_family_is_refused_where_the_base_is_known(folders):
    targets.check(["add_q_proj"])
    targets.check(["add_q_proj"], folders["stable_diffusion_3"][0])
    with pytest.raises(EngineError, match="add_q_proj"):
        targets.check(["add_q_proj"], folders["stable_diffusion"][0])


def test_none_at_all_is_refused():
    with pytest.raises(EngineError, match="needs layers to change"):
        targets.check(())


def test_a_unet_of_other_blocks_and_a_base_of_no_family_are_left_to_the_stage(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    config = {"down_block_types": ["KDownBlock2D"], "up_block_types": ["UpBlock2D"]}
    (tmp_path / "unet" / "config.json").write_text(json.dumps(config))
    targets.check(["to_z"], tmp_path)
    targets.check(["to_z"], tiny_flux(tmp_path / "flux"))
    with pytest.raises(EngineError):
        targets.check(["to_z"])
    usual = {**config, "down_block_types": ["DownBlock2D"]}
    (tmp_path / "unet" / "config.json").write_text(json.dumps(usual))
    with pytest.raises(EngineError):
        targets.check(["to_z"], tmp_path)
