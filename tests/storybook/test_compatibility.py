"""What ships opens in other programs and older libraries: names and files that everybody reads."""
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoTokenizer, CLIPTextModel, CLIPTokenizer

from engine.models import checkpoints
from engine.storybook import evaluation
from engine.storybook.train import compatibility, tokens
from engine.storybook.train.writer import make_tokenizer
from tests.tiny_models import tiny_stable_diffusion

ASSETS = Path(__file__).parents[2] / "assets"
LAYER = re.compile(r"text_model\.encoder\.layers\.\d+\.(self_attn\.[qkv]_proj|self_attn\.out_proj|"
                   r"layer_norm[12]|mlp\.fc[12])\.(weight|bias)")
OTHERS = {"text_model.embeddings.token_embedding.weight",
          "text_model.embeddings.position_embedding.weight",
          "text_model.final_layer_norm.weight", "text_model.final_layer_norm.bias"}
"""The names in Stable Diffusion 1.5's own text encoder, and in all that read it."""


def names(file):
    with safe_open(file, "pt") as found:
        return set(found.keys())


def opened(folder):
    model, told = CLIPTextModel.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values()), told
    return model.state_dict()


SHIPPED = sorted(ASSETS.rglob("text_encoder*/*.safetensors"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parts[-3])
def test_every_text_encoder_that_ships_has_the_names_that_everybody_reads(file):
    found = names(file)
    assert len(found) == 68 and found >= OTHERS
    assert all(LAYER.fullmatch(name) for name in found - OTHERS)
    state = opened(file.parent)
    with safe_open(file, "pt") as stored:
        assert all(torch.equal(stored.get_tensor(f"text_model.{name}").float(), tensor.float())
                   for name, tensor in state.items())
        assert stored.metadata() == {"format": "pt"}


def test_a_text_encoder_is_named_so_when_it_is_packaged(tmp_path):
    folder = tiny_stable_diffusion(tmp_path / "tiny")
    before, identity = opened(folder / "text_encoder"), checkpoints.fingerprint(folder)
    file, = (folder / "text_encoder").glob("*.safetensors")
    for _ in range(2):  # twice changes nothing more
        compatibility.text_encoder(folder / "text_encoder")
        assert all(name.startswith("text_model.") and not name.startswith("text_model.text_model.")
                   for name in names(file))
        after = opened(folder / "text_encoder")
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert checkpoints.fingerprint(folder) == identity


@pytest.mark.parametrize("name", ["base", "weak"])
def test_the_tokenizer_files_of_older_libraries_say_the_same(name, tmp_path):
    folder = ASSETS / "storybook" / name / "tokenizer"
    older = tmp_path / "older"
    older.mkdir()
    for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        shutil.copy(folder / file, older)
    texts = [prompt.text for skill in evaluation.SKILLS
             for prompt in evaluation.load("test", skill)[:40]]
    ours, theirs = (CLIPTokenizer.from_pretrained(place) for place in (folder, older))
    assert tokens.encode(ours, texts) == tokens.encode(theirs, texts)
    assert len(ours) == len(theirs) == 669


def test_the_writer_names_a_tokenizer_that_both_versions_know(tmp_path):
    shipped = ASSETS / "storybook" / "writer"
    told = json.loads((shipped / "tokenizer_config.json").read_text())
    assert told["tokenizer_class"] == "PreTrainedTokenizerFast"
    fresh = make_tokenizer(tmp_path)
    compatibility.plain_tokenizer(tmp_path)
    told = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert told["tokenizer_class"] == "PreTrainedTokenizerFast"
    text = "a red ball. the scene is at night.\ntwo fish, a moon and three hearts\n"
    for folder in (shipped, tmp_path):
        assert AutoTokenizer.from_pretrained(folder)(text).input_ids == fresh(text).input_ids
