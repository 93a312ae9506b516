"""The writer: a small causal language model that continues three examples of any skill in their
manner.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from engine.core.events import Event
from engine.storybook.evaluation import SKILLS, UNTRAINED, frozen_keys, rules_of
from engine.storybook.rules import Mention, Rules, breaks, draw, is_easy
from engine.storybook.shapes import COLOURS, KINDS
from engine.storybook.speech import say
from engine.storybook.train.loop import FIRST_PASS, Plan, half_precision, train
from engine.storybook.words import ALL_WORDS

FIRST = Plan(
    steps=6000, learning_rate=1.5e-3, warmup_steps=200, weight_decay=0.05, ema_decay=0.998, seed=41
)
SECOND = Plan(
    steps=16_500,
    learning_rate=1e-3,
    warmup_steps=200,
    weight_decay=0.05,
    ema_decay=0.998,
    seed=41,
    first_step=6000,
)
"""The shipped writer's first part saw a sixth of the skills, and no skill always had twins before
step 11,500.
"""
BATCH = 16
BATCHES_PER_SORT = 4
"""Batches whose documents are drawn together and sorted by length, so that little is padding."""
LINES = 8
"""Lines a training document holds: a few stand for the examples, the rest for what follows."""
MOST_TOKENS = 224
SKILL_COUNT = 3600
TEXTS_EACH = 24
NEWLINE, UNKNOWN, END = "\n", "<unk>", "<end>"
PADDING, NOT_LEARNT = 1, -100
"""END's id, and the label that transformers' loss passes over."""


@dataclass(frozen=True)
class SampledSkill:
    """A made-up skill and texts that follow its rules."""

    rules: Rules
    texts: tuple[str, ...]


def random_rules(rng: np.random.Generator) -> Rules:
    """A skill nobody named: any mixture of how many, how linked, what is always, never or sometimes
    said.
    """

    def said() -> Mention:
        return ("always", "never", "sometimes")[int(rng.integers(3))]

    most = int(rng.integers(1, 6))
    least = int(rng.integers(1, most + 1))
    links = (0, 0)
    each = (1, 1)
    if most > 1 and rng.random() < 0.45:
        fewest = int(rng.integers(0, least)) if least > 1 else 0
        links = (fewest, max(fewest, int(rng.integers(1, most))))
    elif rng.random() < 0.6:
        high = int(rng.integers(2, 7))
        each = (int(rng.integers(1, high + 1)), high)
    kinds = KINDS if rng.random() < 0.7 else _few(KINDS, rng)
    palette = tuple(COLOURS)
    if rng.random() < 0.3:
        palette = _few(palette, rng)
    twins: Mention = ("never", "never", "sometimes", "always")[int(rng.integers(4))]
    combinations = ("any", "any", "typical", "unusual")[int(rng.integers(4))]
    form = "paragraph" if links[1] > 1 and rng.random() < 0.7 else "phrase"
    return Rules(
        groups=(least, most),
        each=each,
        links=links,
        colours=said(),
        background=said(),
        style=said(),
        combinations=combinations,  # type: ignore[arg-type]
        twins=twins,
        form=form,  # type: ignore[arg-type]
        kinds=kinds,
        palette=palette,
    )


def _few(words: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """Two to five of them."""
    number = int(rng.integers(2, 6))
    return tuple(rng.choice(words, number, replace=False).tolist())


def skills(count: int, seed: int, texts_each: int = TEXTS_EACH) -> Iterator[SampledSkill]:
    """Made-up skills with their texts; never one of the two that evaluation keeps unseen."""
    rng = np.random.default_rng(seed)
    unseen = [rules_of(name) for name in UNTRAINED]
    made = 0
    while made < count:
        rules = random_rules(rng)
        if not is_easy(rules, rng) or any(_is_like(rules, other, rng) for other in unseen):
            continue
        texts = _texts(rules, texts_each, rng)
        if len(set(texts)) >= texts_each // 2:
            made += 1
            yield SampledSkill(rules, tuple(texts))


def named_skills(seed: int) -> Iterator[SampledSkill]:
    """The five skills that are trained for, so many times that one document in three is theirs."""
    rng = np.random.default_rng(seed + 1)
    for _ in range(SKILL_COUNT // 10):
        for name in SKILLS:
            rules = rules_of(name)
            yield SampledSkill(rules, tuple(_texts(rules, TEXTS_EACH, rng)))


def _is_like(rules: Rules, other: Rules, rng: np.random.Generator) -> bool:
    """Whether a made-up skill is in truth an untrained one: its texts follow those rules."""
    return all(breaks(draw(rules, rng), other) is None for _ in range(8))


def _texts(rules: Rules, count: int, rng: np.random.Generator) -> list[str]:
    """Up to `count` texts of a skill, none of them an evaluation prompt: small skills have few
    others.
    """
    is_paragraph = rules.form == "paragraph"
    texts = []
    for _ in range(2 * count):
        graph = draw(rules, rng)
        if graph.key() not in frozen_keys():
            texts.append(say(graph, rng, paragraph=is_paragraph))
    return texts[:count]


def make_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Whole words, with and without the space before them, so that decoding gives back exactly what
    was encoded.
    """
    words = vocabulary()
    numbers = dict(zip(words, range(len(words)), strict=True))
    core = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    core.normalizer = normalizers.Lowercase()
    pieces = Regex(r"\n|[.,]| ?[^\s.,]+")
    core.pre_tokenizer = pre_tokenizers.Split(pieces, behavior="removed", invert=True)
    core.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token=UNKNOWN,
        eos_token=END,
        pad_token=END,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def vocabulary() -> list[str]:
    words = sorted(ALL_WORDS)
    after_a_space = [f" {word}" for word in words]
    return [UNKNOWN, END, NEWLINE, ",", ".", *words, *after_a_space]


def architecture(size: int) -> LlamaForCausalLM:
    """1.3 M parameters."""
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=160,
        intermediate_size=448,
        num_hidden_layers=4,
        num_attention_heads=5,
        num_key_value_heads=5,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=1,
    )
    return LlamaForCausalLM(config)


def document(lines: list[list[int]], rng: np.random.Generator) -> list[int]:
    """Lines of one skill in random order, as many as fit."""
    ids: list[int] = []
    for index in rng.permutation(len(lines))[:LINES]:
        if len(ids) + len(lines[index]) > MOST_TOKENS:
            break
        ids += lines[index]
    return ids


def batch(lines: list[list[list[int]]], seed: int, step: int) -> tuple[Tensor, Tensor]:
    """(ids, labels), padded at the end; padding is not learnt."""
    rng = np.random.default_rng((seed, step // BATCHES_PER_SORT))
    skills_drawn = rng.integers(0, len(lines), BATCHES_PER_SORT * BATCH).tolist()
    drawn = sorted([document(lines[skill], rng) for skill in skills_drawn], key=len)
    order = rng.permutation(BATCHES_PER_SORT)
    first = BATCH * int(order[step % BATCHES_PER_SORT])
    documents = drawn[first : first + BATCH]
    return _padded(documents, PADDING), _padded(documents, NOT_LEARNT)


def _padded(documents: list[list[int]], padding: int) -> Tensor:
    """(documents, longest)."""
    length = max(map(len, documents))
    rows = [ids + [padding] * (length - len(ids)) for ids in documents]
    return torch.tensor(rows)


def run(folder: Path) -> Iterator[Event]:
    """Draw the skills, then train in two parts, resuming what is in `folder`."""
    tokenizer = make_tokenizer(folder / "tokenizer")
    lines = []
    for skill in chain(named_skills(FIRST.seed), skills(SKILL_COUNT, FIRST.seed)):
        texts = [text + NEWLINE for text in skill.texts]
        lines.append(tokenizer(texts, add_special_tokens=False).input_ids)
    yield Event(f"drew {len(lines)} skills")
    torch.manual_seed(FIRST.seed)
    model = architecture(len(tokenizer))

    def loss(step: int) -> Tensor:
        ids, labels = batch(lines, FIRST.seed, step)
        with half_precision():
            return model(input_ids=ids, labels=labels).loss

    yield from train(model, loss, FIRST, folder / FIRST_PASS)
    yield from train(model, loss, SECOND, folder)
