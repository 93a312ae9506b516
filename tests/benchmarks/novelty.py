"""SELMA's filter against a loop over `rouge-score`: the same decisions, except where that one rounds at exactly 0.8."""
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from engine.prompts.novelty import Novelty
from engine.storybook import evaluation
from engine.storybook.rules import draw
from engine.storybook.speech import say
from tests.benchmarks.measure import Row, Settings, once

ON_CPU = True


def rows(settings: Settings) -> Iterator[Row]:
    """Grammar samples of the five skills, in turn."""
    texts, decisions = samples(200 if settings.quick else 5000), {}
    decide(texts[:10])
    row = once(f"novelty filter, {len(texts)} prompts", lambda: decisions.update(ours=decide(texts)),
               lambda: decisions.update(theirs=decide_by_loop(texts)), ">= 1000" if len(texts) == 5000 else "")
    differ = sum(a != b for a, b in zip(decisions["ours"], decisions["theirs"], strict=True))
    yield replace(row, more={"kept": sum(decisions["ours"]), "decisions that differ": differ})


def samples(count: int) -> list[str]:
    rng, found = np.random.default_rng(3), []
    rules = [evaluation.rules_of(skill) for skill in evaluation.SKILLS]
    while len(found) < count:
        own = rules[len(found) % len(rules)]
        found.append(say(draw(own, rng), rng, paragraph=own.form == "paragraph"))
    return found


def decide(texts: list[str]) -> list[bool]:
    novelty, decisions = Novelty(), []
    for text in texts:
        decisions.append(novelty.verdict(text).new)
        if decisions[-1]:
            novelty.accept(text)
    return decisions


def decide_by_loop(texts: list[str]) -> list[bool]:
    scorer, kept, decisions = RougeScorer(["rougeL"], use_stemmer=False), [], []
    for text in texts:
        new = all(round(scorer.score(text, other)["rougeL"].fmeasure, 9) <= 0.8 for other in kept)
        decisions.append(new)
        if new:
            kept.append(text)
    return decisions
