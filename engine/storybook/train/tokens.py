"""The tokenizer of Storybook: CLIP's byte-level BPE, learnt on captions, so that each of its words
is one token.
"""

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from engine.storybook.captions import caption, sample
from engine.storybook.words import KNOWN

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH_TOKENS = 32
"""So that a paragraph overflows it, as one overflows CLIP's 77."""
VOCABULARY = 900


def make(folder: Path, captions: int = 4000, seed: int = 3) -> CLIPTokenizer:
    """Learn the merges from fresh captions and save the tokenizer, loadable by
    `CLIPTokenizer.from_pretrained`.
    """
    rng = np.random.default_rng(seed)
    texts = [caption(sample(rng)[1], rng) for _ in range(captions)] + [" ".join(sorted(KNOWN))] * 50
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pattern=" ", behavior="removed"),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            initial_alphabet=alphabet,
            end_of_word_suffix="</w>",
            show_progress=False,
        ),
    )
    words = _with_endings(learner, alphabet)
    merges = [tuple(m) for m in json.loads(learner.to_str())["model"]["merges"]]
    tokenizer = CLIPTokenizer(vocab=words, merges=merges, model_max_length=LENGTH_TOKENS)  # type: ignore[arg-type]
    tokenizer.save_pretrained(folder)
    return tokenizer


def _with_endings(learner: Tokenizer, alphabet: list[str]) -> dict[str, int]:
    """CLIP's layout: bytes, bytes at a word's end, merged pieces, then the two marks."""
    pieces = sorted(alphabet) + [f"{c}</w>" for c in sorted(alphabet)]
    merged = [
        t
        for t, _ in sorted(learner.get_vocab().items(), key=lambda item: item[1])
        if t not in set(pieces)
    ]
    return {token: index for index, token in enumerate([*pieces, *merged, START, END])}


def encode(tokenizer: CLIPTokenizer, texts: list[str]) -> list[list[int]]:
    """Token ids, cut and padded to LENGTH_TOKENS."""
    return tokenizer(
        texts, padding="max_length", truncation=True, max_length=LENGTH_TOKENS
    ).input_ids
