"""Each stage's options under which all of them matter, and what tells its work from other work."""
import json
from dataclasses import asdict, field, fields
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from engine import evaluate, experts, images, judges, merge, prompts
from engine.core import plugins
from engine.evaluate import planning, prompt_sets, score_recipes
from engine.experts import identity, objectives
from engine.merge import adopt, export, methods, records
from engine.models import checkpoints as weights
from engine.prompts import skills, writers
from engine.studies import grid, leave_one_out, search

STAGES = {"prompts": prompts.Config, "images": images.Config, "experts": experts.Config,
          "merge": merge.Config, "evaluate": evaluate.Config, "grid": grid.Config,
          "search": search.Config,
          "leave_one_out": leave_one_out.Config}
NOTHING_KEPT = {"adopt": adopt.Config, "export": export.Config}
"""adopt holds the file's hash and the base against what is there; export writes anew each time."""
PLUGINS = [(package, name) for package in (writers, objectives, methods, judges)
           for name in plugins.names(package)]
MORE = {
    "skills": ("styles", "counting"), "experts": {"a": 2.0, "b": 1.0, "c": 0.5},
    "weights": {"a": 1.0, "b": 0.25},
    "models": {"base": {}, "both": {"a": 0.5}}, "own_guidance": {"both": 2.0},
    "guidances": (1.0, 7.0),
    "shards": {"a": [0, 2, 7]}, "overrides": {"a": {"rank": 3}}, "targets": ("to_q",),
    "model": "OTHER",
    "encode_for": "OTHER", "prompts": "FILE", "test_prompts": "FILE2", "sample_prompts": ["a"],
    "judge_options": {"strength": 2.0}, "writer_options": {"top_p": 0.5}, "x": "b",
    "y": grid.STRENGTH,
    "objective": "denoise", "method": "weighted", "judge": "storybook", "writer": "transformers_local",
    "lowest": 0.45, "highest": 0.55, "revision": "v2"}
"""Other values, for options that have no next number."""
ADDED = [("added", int, field(default=3))]


def other(kind, name, value):
    """Another value of an option's type."""
    hint = get_type_hints(kind)[name]
    if name in MORE:
        return MORE[name]
    if get_origin(hint) is Literal:
        return next(choice for choice in get_args(hint) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        metadata = next(field for field in fields(kind) if field.name == name).metadata
        low, high = metadata.get("range", (None, None))
        return value + 1 if high is None or value + 1 <= high else low + (high - low) / 3
    return {tuple: (0.0, 2.0), dict: {"strength": 2.0}, str: "other"}[type(value)]


def of_prompts(config, world):
    return [(skill, prompts._recipe(config, skills.load(skill)), config.count)
            for skill in config.skills]


def of_images(config, world):
    identity = images._recipe(config)
    return [(skill, [shard.key for shard in images._plan(config, world.store, skill, identity)])
            for skill in config.skills]


def of_experts(config, world):
    return {name: identity.expert_identity(config, world.store, name) for name in config.experts}


def of_merge(config, world):
    return records.recipe_of(config, {name: {"base": {}} for name in config.experts})


def of_evaluate(config, world):
    base = weights.fingerprint(weights.pipeline_folder(config.model))
    ensemble = SimpleNamespace(fingerprint=base, hashes={"a": "1", "b": "2", "merged": "3"})
    prompts = prompt_sets.prompts_of(config)
    rows = planning.rows(config, prompts)
    asked = [(row.model, row.key, row.other) for row in rows]
    return score_recipes.of_models(config, prompts, rows, ensemble), asked, config.ceiling


def of_grid(config, world):
    return config.name, grid.identity(config, {})


IDENTITIES = {
    "prompts": lambda config, world: of_prompts(config, world)[0][1],
    "images": lambda config, world: images._recipe(config),
    "merge": of_merge,
    "evaluate": lambda config, world: of_evaluate(config, world)[0]["both@3.5"],
    "grid": lambda config, world: grid.identity(config, {})}
"""The identity that a stage holds against a record of before."""


def of_search(config, world):
    """What it would have evaluated, in which order, until it is told."""
    asked: list[Any] = []

    def evaluated(evaluation, store, ensemble):
        asked.append(asdict(evaluation))
        return iter(())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search.evaluate, "run", evaluated)
        patch.setattr(search, "scores_of", lambda *given: {"counting": {"prompt": len(asked) / 99}})
        patch.setattr("engine.models.ensemble.Ensemble", lambda *given: None)
        patch.setattr(search, "_result", lambda *given: {"test": 0.0, "average_on_test": 0.0, "verdict": ""})
        patch.setattr(search, "check", lambda config: None)
        patch.setattr(search, "write_records", lambda *given: None)
        patch.setattr(search, "write_json", lambda *given: None)
        list(search.run(config, world.store))
    return json.dumps(asked)


def of_leave_one_out(config, world):
    asked: list[Any] = []

    def evaluated(evaluation, store):
        asked.append(asdict(evaluation))
        raise StopAsyncIteration
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leave_one_out.evaluate, "run", evaluated)
        with pytest.raises(StopAsyncIteration):
            list(leave_one_out.run(config, world.store))
    return json.dumps(asked)


def configs(world):
    """A stage's options under which each matters, and what tells its work from other work."""
    common = {"model": world.base}
    two = {"a": 1.0, "b": 1.0}
    return {
        "prompts": (prompts.Config(("counting",)), of_prompts),
        "images": (images.Config(("counting",), best_of=2, judge="other", **common), of_images),
        "experts": (experts.Config(experts={"a": ["counting"]}, patience=2, objective="other",
                                   **common), of_experts),
        "merge": (merge.Config(two), of_merge),
        "evaluate": (evaluate.Config({"both": {"a": 1.0}}, prompts_per_skill=2, judge="other", **common),
                     of_evaluate),
        "grid": (grid.Config("a", "b", two, judge="other"), of_grid),
        "search": (search.Config(("a", "b"), generations=2, population=2, judge="other"), of_search),
        "leave_one_out": (leave_one_out.Config(two, judge="other"), of_leave_one_out)}
