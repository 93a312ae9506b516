"""Weights are known by their tensors, and what was recorded of them formerly is recognised."""
import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from engine.core.errors import EngineError
from engine.models import checkpoints, identity
from tests.tiny_models import tiny_sd3, tiny_stable_diffusion, tiny_writer

ASSETS = Path(__file__).parents[2] / "assets" / "storybook"
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_stable_diffusion(tmp_path_factory.mktemp("identity") / "tiny")


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def rewritten(file, change, header=None):
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, header or {"format": "pt"})


def renamed(pairs):
    def change(tensors):
        for old, new in pairs:
            for name in list(tensors):
                if old in name:
                    tensors[name.replace(old, new, 1)] = tensors.pop(name)
    return change


def test_layout_header_and_names_of_other_versions_change_nothing(folder, copy):
    before = checkpoints.fingerprint(folder)
    rewritten(copy / UNET, lambda tensors: None, {"format": "pt", "note": "of another day"})
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    unet.save_pretrained(copy / "unet", max_shard_size="40KB")
    assert len(list(copy.glob("unet/*-of-*.safetensors"))) > 2
    save_file({"x": torch.ones(3)}, copy / UNET)  # diffusers leaves it there, and reads the shards

    def like_transformers_4(tensors):
        named = {f"text_model.{name.removeprefix('text_model.')}": tensor
                 for name, tensor in tensors.items()}
        tensors.clear()
        tensors |= named | {"text_model.embeddings.position_ids": torch.arange(32)[None]}

    rewritten(copy / "text_encoder/model.safetensors", like_transformers_4)
    rewritten(copy / "vae/diffusion_pytorch_model.safetensors", renamed(
        [(".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."),
         (".to_out.0.", ".proj_attn.")]))
    for added in ("unet/diffusion_pytorch_model.fp16.safetensors",
                  "safety_checker/model.safetensors", "own/model.safetensors",
                  "all_in_one.safetensors"):
        (copy / added).parent.mkdir(exist_ok=True)
        save_file({"x": torch.ones(3)}, copy / added)
    assert checkpoints.fingerprint(copy) == before
    assert identity.former(copy) != identity.former(folder), "its files are others"


@pytest.mark.parametrize("change", [
    lambda t: t["conv_in.weight"].view(-1)[0].add_(1e-3),
    lambda t: t.update({"conv_in.bias": t["conv_in.bias"].half()}),
    lambda t: t.update({"conv_in.weight": t["conv_in.weight"].transpose(0, 1).contiguous()}),
    lambda t: t.pop("conv_in.bias"),
    lambda t: t.update({"conv_more.bias": t["conv_in.bias"].clone()}),
    lambda t: t.update({"conv_in.bias": t["conv_out.bias"], "conv_out.bias": t["conv_in.bias"]}),
])
def test_a_number_a_kind_a_shape_or_a_place_changes_it(folder, copy, change):
    rewritten(copy / UNET, change)
    assert checkpoints.fingerprint(copy) != checkpoints.fingerprint(folder)


def test_a_part_that_changes_places_with_another_changes_it(tmp_path):
    folder = tiny_sd3(tmp_path / "sd3")
    swapped = shutil.copytree(folder, tmp_path / "swapped")
    for one, other in (("text_encoder", "text_encoder_2"), ("text_encoder_2", "text_encoder")):
        shutil.copy(folder / one / "model.safetensors", swapped / other / "model.safetensors")
    assert checkpoints.fingerprint(swapped) != checkpoints.fingerprint(folder)


def test_one_table_of_t5_under_one_name_or_three_is_the_same(tmp_path):
    folder = tiny_sd3(tmp_path / "sd3")
    before, file = checkpoints.fingerprint(folder), folder / "text_encoder_3/model.safetensors"
    table = load_file(file)["shared.weight"]
    rewritten(file, lambda tensors: tensors.update({"encoder.embed_tokens.weight": table.clone()}))
    assert checkpoints.fingerprint(folder) == before
    rewritten(file, lambda tensors: tensors.pop("shared.weight"))
    assert checkpoints.fingerprint(folder) == before
    rewritten(file, lambda tensors: tensors.update({"shared.weight": table + 1}))
    assert checkpoints.fingerprint(folder) != before


@pytest.mark.parametrize(("dtype", "name"), [
    (torch.bfloat16, "BF16"), (torch.float16, "F16"), (torch.float8_e4m3fn, "F8_E4M3"),
    (torch.int8, "I8"), (torch.bool, "BOOL")])
def test_every_kind_of_number_is_read_without_torch(tmp_path, dtype, name):
    one = torch.arange(600).to(dtype)
    save_file({"a": one, "nothing": one[:0]}, tmp_path / "model.safetensors")
    first = checkpoints.fingerprint(tmp_path)
    raw = one.view(torch.uint8).numpy().tobytes()
    lines = (f"/a {name} 600 {hashlib.sha256(raw).hexdigest()}\n"
             f"/nothing {name} 0 {hashlib.sha256().hexdigest()}")
    assert first == hashlib.sha256(lines.encode()).hexdigest()
    two = one.clone()
    two.view(torch.uint8)[-1] ^= 1
    save_file({"a": two, "nothing": one[:0]}, tmp_path / "model.safetensors")
    assert checkpoints.fingerprint(tmp_path) != first


def test_a_tensor_larger_than_the_buffer_is_read_whole(tmp_path):
    large = torch.zeros(identity.BUFFER_BYTES // 4 * 3 + 1)
    save_file({"a": large}, tmp_path / "model.safetensors")
    first = checkpoints.fingerprint(tmp_path)
    large[-1] = 1
    save_file({"a": large}, tmp_path / "model.safetensors")
    assert checkpoints.fingerprint(tmp_path) != first


def test_damaged_weights_have_no_identity(folder, copy):
    content = (copy / UNET).read_bytes()
    a_list = b"\x08" + bytes(7) + b"[1, 2]  "
    for damaged in (content[:-9], content[:100], b"", b"\xff" * 64, a_list):
        (copy / UNET).write_bytes(damaged)
        expected = f"copy are not whole: {Path(UNET).name} is damaged"
        with pytest.raises(EngineError, match=expected):
            checkpoints.fingerprint(copy)


def test_the_former_hash_of_the_same_weights_is_recognised_wherever_it_stands(folder, tmp_path):
    present, former = checkpoints.fingerprint(folder), identity.former(folder)
    assert present != former and checkpoints.recognised(former, present) == present
    other = tiny_stable_diffusion(tmp_path / "other", seed=1)
    foreign = identity.former(other)
    assert checkpoints.recognised(foreign, present) == foreign
    recorded = {"model's sha256": former, "steps": 20, "base": {"sha256": former, "model": "x"},
                "gone": former, "student's sha256": foreign, "list": [former], "none": None}
    now = {"model's sha256": present, "steps": 30, "base": {"sha256": present},
           "student's sha256": present, "list": [present], "none": present}
    assert checkpoints.recognised(recorded, now) == recorded | {
        "model's sha256": present, "base": {"sha256": present, "model": "x"}}


@pytest.mark.parametrize("name", ["storybook", "storybook-weak"])
def test_the_shipped_painters_are_recognised_by_what_their_files_were_before(name):
    folder = checkpoints.local_folder(name)
    present = checkpoints.fingerprint(folder)
    formerly, = (before for before, now in identity.FORMERLY.items() if now == present)
    assert identity.former(folder) != formerly, "their files have changed"
    assert checkpoints.recognised(formerly, present) == present


def test_the_shipped_files_as_they_were_have_the_same_identity_and_the_hash_in_the_table(tmp_path):
    """Transformers 5 wrote the names without `text_model.`: those files gave the former hash."""
    for name in ("storybook", "storybook-weak"):
        folder = checkpoints.local_folder(name)
        before = shutil.copytree(folder, tmp_path / name)
        rewritten(before / "text_encoder/model.safetensors", renamed([("text_model.", "")]))
        assert identity.FORMERLY[identity.former(before)] == checkpoints.fingerprint(before)
        assert checkpoints.fingerprint(before) == checkpoints.fingerprint(folder)


def test_bases_are_compared_across_both_ways_of_hashing(folder):
    present, former = checkpoints.fingerprint(folder), identity.former(folder)
    told = [{"model": str(folder), "sha256": sha256} for sha256 in (present, former)]
    assert {checkpoints.identity_of(base) for base in told} == {present}
    gone = {"model": "./gone", "sha256": former}
    assert checkpoints.identity_of(gone) == former
    assert checkpoints.identity_of({"model": "someone/else"}) == "someone/else"
    before, now = next(iter(identity.FORMERLY.items()))
    assert checkpoints.identity_of({"model": "./gone", "sha256": before}) == now


def test_a_writer_is_known_by_its_tensors(tmp_path):
    folder = tiny_writer(tmp_path / "writer")
    before = checkpoints.local_fingerprint(str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"transformers_version": "4"}))
    assert checkpoints.local_fingerprint(str(folder)) == before
    assert checkpoints.local_fingerprint("someone/else") == ""
