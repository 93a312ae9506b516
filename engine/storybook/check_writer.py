"""The writer's bars: do its lines parse, follow the skill, and differ from each other as the
grammar's own would?
"""

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
    seen = {skill: write(model, skill, number) for skill in evaluation.SKILLS}
    unseen = {skill: write(model, skill, number) for skill in evaluation.UNTRAINED}
    lines = [line for written in seen.values() for line in written]
    counts |= {
        "writer_parses": len(lines),
        "writer_on_skill": len(lines),
        "writer_novel": len(lines),
        "writer_unseen_skill": number * len(unseen),
    }
    novelty = [
        (share_novel(seen[s]), share_novel(grammar_lines(s, number))) for s in evaluation.SKILLS
    ]
    return {
        "writer_parses": float(np.mean([graph_of(line) is not None for line in lines])),
        "writer_on_skill": float(
            np.mean([on_skill(line, s) for s, written in seen.items() for line in written])
        ),
        "writer_novel": float(np.mean([n for n, _ in novelty])),
        "grammar_novel": float(np.mean([n for _, n in novelty])),
        "writer_unseen_skill": float(
            np.mean([on_skill(line, s) for s, written in unseen.items() for line in written])
        ),
    }


def write(
    model: Any, skill: str, number: int, temperature: float = WRITER_TEMPERATURE
) -> list[str]:
    """As the prompts stage asks for them: each line continues three fresh texts of the skill, from
    its own seed.
    """
    from engine.models.llm import Sampling

    examples = grammar_lines(skill, 3 * number, seed=11)
    prompts = ["".join(f"{line}\n" for line in examples[3 * i : 3 * i + 3]) for i in range(number)]
    return model.complete(
        prompts, list(range(number)), Sampling(temperature, max_tokens=96, stop=("\n",))
    )


def share_novel(lines: list[str]) -> float:
    """The share that SELMA's filter keeps: ROUGE-L F-measure of at most 0.8 against everything kept
    before.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    kept: list[str] = []
    for line in lines:
        if all(scorer.score(line, other)["rougeL"].fmeasure <= 0.8 for other in kept):
            kept.append(line)
    return len(kept) / max(1, len(lines))


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
    return [say(draw(rules, rng), rng, paragraph=rules.form == "paragraph") for _ in range(number)]
