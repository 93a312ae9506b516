"""Best of several by a judge, and a weak model that paints for a strong student."""
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from engine import images, judges
from engine.core.errors import EngineError
from engine.core.store import read_records
from engine.core.types import Prompt
from engine.images import shards
from engine.models import diffusion
from engine.models.autoencoder import to_pixels
from engine.models.diffusion import PaintingOptions
from tests.images.runs import records, tensors
from tests.plugin_files import install

JUDGE = '''
"""Scores the mean red of a picture. [Test](https://example.org)"""
from dataclasses import dataclass
from engine.core.evidence import Evidence
from engine.core.types import Score

@dataclass(frozen=True)
class Config:
    unscored: str = ""

def judge(config):
    def score(prompt, picture, seed):
        red = sum(picture.getdata(0)) / (255 * picture.width * picture.height)
        if config.unscored in (prompt.id, "all"):
            return Score(prompt.id, seed, "red", None, Evidence(unscored="not its text"))
        return Score(prompt.id, seed, "red", red)
    return lambda prompts, pictures, seeds: list(map(score, prompts, pictures, seeds))
'''


@pytest.fixture
def red(tmp_path, monkeypatch):
    return install(judges, "red", JUDGE, tmp_path, monkeypatch)


def test_the_best_of_several_is_the_judges_choice(config, store, red, tmp_path):
    best = replace(config, best_of=3, judge="red", judge_options={"unscored": "counting-1"})
    assert "could not read: 1;" in list(images.run(best, store))[-1].text
    painter, prompts = diffusion.load(config.model, device="cpu"), read_records(store.prompts("counting"), Prompt)
    plan = shards.plan(prompts, 1, 3, 0, {})
    for item, record in zip([i for s in plan for i in s.items], records(store), strict=True):
        candidates = painter.paint([item.prompt.text] * 3, item.seeds, 2.0, PaintingOptions(2))
        reds = [np.asarray(c.image)[..., 0].mean() for c in candidates]
        expected = 0 if item.prompt.id == "counting-1" else int(np.argmax(reds))
        assert record.seed == item.seeds[expected]
        kept = tensors(store)["latents"][item.index]
        torch.testing.assert_close(kept, candidates[expected].latents, atol=1e-4, rtol=1e-4)


def test_a_judge_that_reads_nothing_chooses_nothing(config, store, red):
    with pytest.raises(EngineError, match="can read none of these texts"):
        list(images.run(replace(config, best_of=2, judge="red", judge_options={"unscored": "all"}), store))


@pytest.mark.parametrize("painter", ["tiny_stable_diffusion", "tiny_distilled", "tiny_sd3"])
def test_any_family_paints_for_a_student_that_can_be_trained(config, store, models, painter):
    config = replace(config, model=models[painter])
    list(images.run(replace(config, encode_for=models["tiny_sdxl"]), store))
    student, kept = diffusion.load(models["tiny_sdxl"], device="cpu"), tensors(store)
    assert {k: tuple(v.shape) for k, v in kept.items()} == {
        "latents": (5, 8, 16, 16), "embeddings": (5, 32, 56), "empty_embedding": (1, 32, 56), "pooled": (5, 24),
        "empty_pooled": (1, 24), "time_ids": (5, 6)}
    shown = [Image.open(store.images("counting") / r.file_name) for r in records(store)]
    torch.testing.assert_close(kept["latents"], student.encode(to_pixels(shown)), atol=1e-4, rtol=1e-4)
    assert {r.model for r in records(store)} == {config.model}
