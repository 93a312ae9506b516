"""The writer's bars: do its lines parse, follow the skill, and differ from each other as the
grammar's own would?
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from engine.storybook import WRITER_TEMPERATURE, evaluation
from engine.storybook.graph import Graph
from engine.storybook.language import Unreadable, parse
from engine.storybook.rules import breaks, draw
from engine.storybook.speech import say


def writer_bars(folder: Path, number: int, counts: dict[str, int]) -> dict[str, Any]:
    """Each skill gets `number` lines."""
    from engine.models import causal_lm

    model = causal_lm.load(str(folder))
    trained = {skill: write(model, skill, number) for skill in evaluation.SKILLS}
    untrained = {skill: write(model, skill, number) for skill in evaluation.UNTRAINED}
    lines = list(chain(*trained.values()))
    for bar in ("writer_parses", "writer_on_skill", "writer_novel"):
        counts[bar] = len(lines)
    counts["writer_unseen_skill"] = number * len(untrained)
    parses = [graph_of(line) is not None for line in lines]
    novel = [share_novel(trained[skill]) for skill in evaluation.SKILLS]
    grammar_novel = [share_novel(grammar_lines(skill, number)) for skill in evaluation.SKILLS]
    return {
        "writer_parses": float(np.mean(parses)),
        "writer_on_skill": _share_on_skill(trained),
        "writer_novel": float(np.mean(novel)),
        "grammar_novel": float(np.mean(grammar_novel)),
        "writer_unseen_skill": _share_on_skill(untrained),
    }


def _share_on_skill(lines: Mapping[str, Sequence[str]]) -> float:
    hits: list[bool] = []
    for skill, texts in lines.items():
        hits += [on_skill(text, skill) for text in texts]
    return float(np.mean(hits))


def write(
    model: Any, skill: str, number: int, temperature: float = WRITER_TEMPERATURE
) -> list[str]:
    """As the prompts stage asks for them: each line continues three fresh texts of the skill, from
    its own seed.
    """
    from engine.models.llm import Sampling

    examples = grammar_lines(skill, 3 * number, seed=11)
    prompts = []
    for first in range(0, 3 * number, 3):
        three = examples[first : first + 3]
        prompts.append("\n".join(three) + "\n")
    sampling = Sampling(temperature, max_tokens=96, stop=("\n",))
    return model.complete(prompts, list(range(number)), sampling)


def share_novel(lines: list[str]) -> float:
    """The share that SELMA's filter keeps: ROUGE-L F-measure of at most 0.8 against everything kept
    before.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    novel: list[str] = []
    for line in lines:
        if all(scorer.score(line, other)["rougeL"].fmeasure <= 0.8 for other in novel):
            novel.append(line)
    return len(novel) / max(1, len(lines))


def graph_of(line: str) -> Graph | None:
    try:
        return parse(line)
    except Unreadable:
        return None


def on_skill(line: str, skill: str) -> bool:
    graph = graph_of(line)
    return graph is not None and breaks(graph, evaluation.rules_of(skill)) is None


def grammar_lines(skill: str, number: int, seed: int = 7) -> list[str]:
    rng, rules = np.random.default_rng(seed), evaluation.rules_of(skill)
    is_paragraph = rules.form == "paragraph"
    return [say(draw(rules, rng), rng, paragraph=is_paragraph) for _ in range(number)]
