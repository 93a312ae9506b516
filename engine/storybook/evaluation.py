"""The evaluation prompts: drawn once from the grammar, frozen by hash, and kept out of everything
that trains.

`python -m engine.storybook freeze` wrote them. Settings are chosen on `validation`; `test` is only
reported.
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice

import numpy as np

from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import read_json, read_records, write_json, write_records
from engine.core.types import Prompt
from engine.storybook import ASSETS, WORLD
from engine.storybook.captions import LEFT_OUT_COLOURS, LEFT_OUT_STYLES, is_kept_from_base
from engine.storybook.graph import Graph, Group
from engine.storybook.language import parse
from engine.storybook.rules import Rules, draw, from_table, imagine
from engine.storybook.scenes import Scene
from engine.storybook.shapes import BACKGROUNDS
from engine.storybook.speech import say

SKILL_FILES = ASSETS / "skills" / "storybook"
FOLDER = ASSETS / "evaluation"
SIZES = {"validation": 100, "test": 200}
SKILLS = ("everyday", "counting", "places", "styles", "unusual")
UNTRAINED = ("twins", "placing")
LEFT_OUT = "left_out"
"""Things in colours and styles that the base has never seen."""
SETS = (*SKILLS, *UNTRAINED, LEFT_OUT)
ATTEMPTS = 100
"""At a scene: no frozen prompt is hard to draw."""


def load(split: str, skill: str) -> list[Prompt]:
    """Frozen prompts of one skill. Raises EngineError for an unknown split or skill, and where they
    were changed.
    """
    if split not in SIZES:
        raise EngineError(
            f"No evaluation split called {split!r}. Choose one of {', '.join(SIZES)}."
        )
    if skill not in SETS:
        raise EngineError(f"No evaluation prompts for {skill!r}. Choose from {', '.join(SETS)}.")
    path = FOLDER / split / f"{skill}.jsonl"
    if file_hash(path) != read_json(FOLDER / "frozen.json")["sha256"][f"{split}/{skill}"]:
        raise EngineError(
            f"{path} is not what was frozen: its scores would not compare. Restore it from the "
            "repository."
        )
    return read_records(path, Prompt)


@cache
def frozen_keys() -> frozenset[str]:
    """Scene-graph keys of every evaluation prompt: what no training prompt may ask for."""
    keys = set()
    for split in SIZES:
        for skill in SETS:
            keys |= {parse(prompt.text).key() for prompt in load(split, skill)}
    return frozenset(keys)


def rules_of(skill: str) -> Rules:
    """The rules of a trained or an untrained skill."""
    if skill in UNTRAINED:
        return from_table(read_toml(FOLDER / "untrained.toml")[skill], skill)
    return from_table(read_toml(SKILL_FILES / f"{skill}.toml")["rules"], skill)


def true_scene(text: str, seed: int) -> Scene:
    """One that a frozen prompt is true of, the same for the same seed."""
    graph, rng = parse(text), np.random.default_rng(seed)
    for _ in range(ATTEMPTS):
        scene = imagine(graph, rng)
        if scene is not None:
            return scene
    raise AssertionError(f"no scene found for {text!r}")


def freeze() -> None:
    """Write all sets and their hashes. Everything measured before is void after this."""
    taken = _keys_of_examples()
    hashes = {}
    for number, skill in enumerate(SETS):
        fresh = _fresh(skill, np.random.default_rng((20_26, number)), taken)
        for split, size in SIZES.items():
            prompts = []
            for index, text in enumerate(islice(fresh, size)):
                name = f"{split}-{skill}-{index:03d}"
                prompts.append(Prompt(name, skill, text, "grammar"))
            path = FOLDER / split / f"{skill}.jsonl"
            write_records(path, prompts)
            hashes[f"{split}/{skill}"] = file_hash(path)
    write_json(FOLDER / "frozen.json", {"world": WORLD, "sha256": hashes})


def _keys_of_examples() -> set[str]:
    keys = set()
    for skill in SKILLS:
        examples = read_toml(SKILL_FILES / f"{skill}.toml")["examples"]
        keys |= {parse(text).key() for text in examples}
    return keys


def _fresh(skill: str, rng: np.random.Generator, taken: set[str]) -> Iterator[str]:
    """Texts whose graph nobody has yet and that can be drawn."""
    rules = None if skill == LEFT_OUT else rules_of(skill)
    while True:
        graph = _left_out(rng) if rules is None else draw(rules, rng)
        if rules is not None and _touches_left_out(graph):
            continue
        if graph.key() not in taken and imagine(graph, rng) is not None:
            taken.add(graph.key())
            yield say(graph, rng, paragraph=rules is not None and rules.form == "paragraph")


def _left_out(rng: np.random.Generator) -> Graph:
    """One or two things, the first in a combination the base never saw."""
    one_more = Rules(groups=(1, 1), each=(1, 2), colours="always", background="never")
    background = str(rng.choice(list(BACKGROUNDS))) if rng.random() < 0.5 else None
    second = draw(one_more, rng).groups if rng.random() < 0.5 else ()
    if rng.random() < 0.7:
        kind, colour = LEFT_OUT_COLOURS[int(rng.integers(len(LEFT_OUT_COLOURS)))]
        first, style = Group(kind, colour), None
    else:
        kind, style = LEFT_OUT_STYLES[int(rng.integers(len(LEFT_OUT_STYLES)))]
        first = Group(kind, str(rng.choice(["red", "blue", "brown", "orange"])))
    others = tuple(group for group in second if group.kind != kind)
    return Graph((first, *others), (), background, style)


def _touches_left_out(graph: Graph) -> bool:
    return any(is_kept_from_base(g.kind, g.colour, graph.style) for g in graph.groups)
