"""What opens, what is refused with its remedy, and a fingerprint that follows the weights alone."""
import json
import shutil

import pytest

from engine.core.errors import EngineError
from engine.models import checkpoints, diffusion
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("models") / "tiny")


def test_the_fingerprint_follows_the_weights_alone(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    same = diffusion.load(str(copy), device="cpu")
    assert same.fingerprint == checkpoints.fingerprint(folder)
    (copy / "README.md").write_text("hello")
    name = "unet/diffusion_pytorch_model"
    shutil.copy(copy / f"{name}.safetensors", copy / f"{name}.fp16.safetensors")
    assert checkpoints.fingerprint(copy) == same.fingerprint
    other = tiny_stable_diffusion(tmp_path / "other", seed=1)
    assert checkpoints.fingerprint(other) != same.fingerprint


def test_names_that_lead_nowhere_end_in_the_remedy(tmp_path, monkeypatch):
    for name, place in checkpoints.SHIPPED.items():
        monkeypatch.setitem(checkpoints.SHIPPED, name, tmp_path / "assets/storybook" / place.name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name, remedy in [("storybook", "engine.storybook train base"), ("storybook-weak", "then package weak"),
                         ("./nowhere", "Name an existing folder"), ("", "Name an existing folder"),
                         (str(tmp_path), "model_index.json"), ("someone/nothing-of-this-name", "Check the connection")]:
        with pytest.raises(EngineError, match=remedy):
            diffusion.load(name)


def test_damaged_or_foreign_folders_are_one_clear_sentence(folder, tmp_path):
    def damaged(name):
        return shutil.copytree(folder, tmp_path / name)

    (damaged("cut") / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"\xff" * 40)
    (damaged("pickled") / "unet/diffusion_pytorch_model.safetensors").rename(
        tmp_path / "pickled/unet/diffusion_pytorch_model.bin")
    (damaged("garbled") / "model_index.json").write_text("{")
    (damaged("unknown") / "model_index.json").write_text(json.dumps({"_class_name": "NoSuchPipeline"}))
    (damaged("with_code") / "model_index.json").write_text(json.dumps({"_class_name": ["own_code", "Pipeline"]}))
    (tmp_path / "with_code/own_code.py").write_text("raise SystemExit('code from a checkpoint ran')")
    for name in ("cut", "pickled", "garbled", "unknown", "with_code"):
        with pytest.raises(EngineError, match=f"{name} does not load .*pipeline"):
            diffusion.load(str(tmp_path / name), device="cpu")


def test_a_pipeline_of_another_task_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "inpaint")
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps(index | {"_class_name": "StableDiffusionImg2ImgPipeline"}))
    with pytest.raises(EngineError, match="does not paint from text"):
        diffusion.load(str(copy), device="cpu")


def test_a_pipeline_without_a_vae_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "pixels")
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps(index | {"_class_name": "IFPipeline"}))
    with pytest.raises(EngineError, match="IFPipeline.*without a VAE. Choose"):
        diffusion.load(str(copy), device="cpu")
