"""The layers that are told by their paths' ends are those of a real UNet, neither more nor less."""

import json
import re

import pytest

from engine.core.errors import EngineError
from engine.models import empty_denoiser, targets
from engine.models.checkpoints import SHIPPED
from engine.models.lora.factors import is_target, target_layers
from tests.tiny_models import tiny_sdxl, tiny_stable_diffusion


@pytest.fixture(scope="module")
def unets(tmp_path_factory):
    made = [
        tiny_stable_diffusion(tmp_path_factory.mktemp("sd")),
        tiny_sdxl(tmp_path_factory.mktemp("xl")),
    ]
    return [empty_denoiser.unet(folder) for folder in (*made, SHIPPED["storybook"])]


def test_every_layer_of_a_real_unet_is_a_target(unets):
    paths = {path for unet in unets for path, module in unet.named_modules() if is_target(module)}
    assert len(paths) > 100
    targets.check(paths)


@pytest.mark.parametrize("known", targets.PATHS)
def test_no_other_is(unets, known):
    """Each path that is told is one of a UNet of these blocks, with numbers for what counts."""
    shape = re.compile(re.escape(known).replace("\\#", r"\d+"))
    assert any(
        shape.fullmatch(path)
        for unet in unets
        for path, module in unet.named_modules()
        if is_target(module)
    )


@pytest.mark.parametrize(
    "wrong", ["to_z", "attn1", "o_q", "", "to_out", "ff.net.1", "to_q.weight", "x.to_q"]
)
def test_what_no_unet_has_is_refused_as_training_would(unets, wrong):
    with pytest.raises(EngineError, match="Choose targets from to_q"):
        targets.check(["to_q", wrong])
    for unet in unets:
        with pytest.raises(EngineError):
            target_layers(unet, [wrong])


def test_none_at_all_is_refused():
    with pytest.raises(EngineError, match="needs layers to change"):
        targets.check(())


def test_a_unet_of_other_blocks_is_left_to_the_stage(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(
        json.dumps({"down_block_types": ["KDownBlock2D"], "up_block_types": ["UpBlock2D"]})
    )
    targets.check(["to_z"], tmp_path)
    with pytest.raises(EngineError):
        targets.check(["to_z"])
