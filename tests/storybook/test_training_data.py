"""What the shipped models learn from, and what is kept from them."""
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binom
from transformers import AutoTokenizer, CLIPTokenizer

from engine.storybook import evaluation
from engine.storybook.evaluation import SKILLS, UNTRAINED, frozen_keys, rules_of
from engine.storybook.language import parse
from engine.storybook.rules import breaks
from engine.storybook.train import base, tokens, writer

EMPTY, CAPTION = 3, 7
FOLDER = Path(__file__).parents[2] / "assets" / "storybook"


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(FOLDER / "base" / "tokenizer")


def batches() -> base.Batches:
    captions = torch.full((80, 2, tokens.LENGTH_TOKENS), CAPTION)
    return base.Batches(torch.randn(80, 8, 16, 16), captions, torch.full((tokens.LENGTH_TOKENS,), EMPTY), 1)


def test_the_base_sees_every_tenth_caption_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_error", lambda model, clean, ids, *_: ids)
    seen = torch.cat([base._loss(None, batches(), step) for step in range(40)])  # type: ignore[arg-type]
    dropped, rows = int((seen == EMPTY).all(1).sum()), len(seen)
    assert int((seen == CAPTION).all(1).sum()) == rows - dropped
    assert binom.ppf(1e-4, rows, 0.1) <= dropped <= binom.ppf(1 - 1e-4, rows, 0.1)


def test_unet_and_text_encoder_learn_together(tokenizer: CLIPTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "BATCH", 2)
    model = base.Painter(tokenizer)
    base._loss(model, batches(), 0).backward()
    for part in (model.unet, model.text):
        assert any(p.grad is not None and p.grad.abs().max() > 0 for p in part.parameters())


def test_paragraphs_overflow_the_text_encoder(tokenizer: CLIPTokenizer) -> None:
    lengths = {skill: [len(tokenizer(p.text).input_ids) for p in evaluation.load("validation", skill)]
               for skill in SKILLS}
    assert np.mean([n > tokens.LENGTH_TOKENS for n in lengths["places"]]) > 0.5
    assert np.mean([n > tokens.LENGTH_TOKENS for n in lengths["everyday"]]) == 0


def test_the_writer_learns_no_evaluation_prompt_and_no_untrained_skill() -> None:
    made = list(writer.skills(40, seed=5))
    named = list(islice(writer.named_skills(5), 2 * len(SKILLS)))
    for skill in (*made, *named):
        graphs = [parse(text) for text in skill.texts]
        assert not {graph.key() for graph in graphs} & frozen_keys()
        assert all(any(breaks(graph, rules_of(name)) for graph in graphs) for name in UNTRAINED)
    assert len({skill.rules for skill in made}) == 40 and writer.SKILL_COUNT >= 500
    assert [skill.rules for skill in named] == 2 * [rules_of(name) for name in SKILLS]
    documents = writer.SKILL_COUNT // 10 * len(SKILLS)
    assert documents / (documents + writer.SKILL_COUNT) == pytest.approx(1 / 3)


def test_a_document_is_lines_of_one_skill_that_fit() -> None:
    ids = AutoTokenizer.from_pretrained(FOLDER / "writer")
    skill = next(writer.skills(1, seed=6))
    lines = [ids(text + "\n").input_ids for text in skill.texts]
    found = writer.document(lines, np.random.default_rng(0))
    shown = ids.decode(found).splitlines()
    assert len(found) <= writer.MOST_TOKENS and 0 < len(shown) <= writer.LINES
    assert set(shown) <= set(skill.texts)
