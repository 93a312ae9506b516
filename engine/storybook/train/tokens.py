"""The tokenizer of Storybook: CLIP's byte-level BPE, learnt on captions, so that each of its words
is one token.
"""

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from engine.storybook.captions import caption, sample
from engine.storybook.words import ALL_WORDS

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH_TOKENS = 32
"""So that a paragraph overflows it, as one overflows CLIP's 77."""
VOCABULARY = 900


def make(folder: Path, captions: int = 4000, seed: int = 3) -> CLIPTokenizer:
    """Learn the merges from fresh captions and save the tokenizer, loadable by
    `CLIPTokenizer.from_pretrained`.
    """
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(captions):
        _, graph = sample(rng)
        texts.append(caption(graph, rng))
    texts += [" ".join(sorted(ALL_WORDS))] * 50
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = _splitter()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    words = _with_endings(learner, alphabet)
    merges = [tuple(m) for m in json.loads(learner.to_str())["model"]["merges"]]
    tokenizer = CLIPTokenizer(
        vocab=words,
        merges=merges,  # type: ignore[arg-type]
        model_max_length=LENGTH_TOKENS,
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def _splitter() -> pre_tokenizers.PreTokenizer:
    """At spaces and punctuation, then into bytes, as CLIP does."""
    at_spaces = pre_tokenizers.Split(pattern=" ", behavior="removed")
    into_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([at_spaces, pre_tokenizers.Punctuation(), into_bytes])


def _with_endings(learner: Tokenizer, alphabet: list[str]) -> dict[str, int]:
    """CLIP's layout: bytes, bytes at a word's end, merged pieces, then the two marks."""
    pieces = sorted(alphabet) + [f"{c}</w>" for c in sorted(alphabet)]
    vocabulary = learner.get_vocab()
    by_rank = sorted(vocabulary, key=lambda token: vocabulary[token])
    merged = [token for token in by_rank if token not in set(pieces)]
    tokens = [*pieces, *merged, START, END]
    return dict(zip(tokens, range(len(tokens)), strict=True))


def encode(tokenizer: CLIPTokenizer, texts: list[str]) -> list[list[int]]:
    """Token ids, cut and padded to LENGTH_TOKENS."""
    return tokenizer(
        texts, padding="max_length", truncation=True, max_length=LENGTH_TOKENS
    ).input_ids
