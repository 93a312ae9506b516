"""Every option of every stage and plugin decides what comes out, or says why it does not."""
import json
from dataclasses import asdict, dataclass, field, fields, make_dataclass, replace
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from engine import (
    adopt,
    evaluate,
    experts,
    export,
    grid,
    images,
    judges,
    leave_one_out,
    merge,
    prompts,
    run_folder,
    search,
)
from engine.core import plugins, provenance
from engine.core.config import build
from engine.core.recipe import difference
from engine.core.store import Store, write_records
from engine.core.types import Prompt
from engine.evaluate import planning
from engine.evaluate.bench import Bench
from engine.experts import checkpoints, objectives
from engine.experts.session import Session
from engine.merge import methods
from engine.models import checkpoints as weights
from engine.prompts import skills, writers
from tests.experts.worlds import paint_pictures
from tests.tiny_models import tiny_stable_diffusion

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
    "judge_options": {"anything": 1}, "writer_options": {"top_p": 0.5}, "x": "b",
    "y": grid.STRENGTH,
    "objective": "denoise", "method": "weighted", "judge": "other", "writer": "transformers_local",
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


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A base, another one, two skills painted by the first, and files of prompts."""
    root = tmp_path_factory.mktemp("world")
    store = Store(root / "run")
    base, rival = (tiny_stable_diffusion(root / name, seed=seed)
                   for name, seed in (("base", 0), ("other", 1)))
    for skill in ("counting", "styles"):
        paint_pictures(store, skill, base)
        write_records(store.prompts(skill),
                      [Prompt(f"{skill}-{i}", skill, f"ball {i}") for i in range(3)])
    for number in (1, 2):
        write_records(root / f"{number}.jsonl", [
            Prompt(f"{skill}{i}", skill, f"{number} balls {i}") for skill in ("counting", "styles")
            for i in range(5)])
    return SimpleNamespace(store=store, base=str(base), OTHER=str(rival),
                           FILE=str(root / "1.jsonl"),
                           FILE2=str(root / "2.jsonl"))


@dataclass(frozen=True)
class Options:
    """Of the plugin `other`."""

    strength: float = 1.0


@pytest.fixture(autouse=True)
def any_plugin(monkeypatch):
    """A judge and an objective called `other`; what a plugin does is of no account here."""
    load = plugins.load

    def loaded(package, name):
        return SimpleNamespace(Config=Options) if name == "other" else load(package, name)
    monkeypatch.setattr(plugins, "load", loaded)


def of_prompts(config, world):
    plugin = plugins.load(writers, config.writer)
    options = build(plugin.Config, config.writer_options)
    return [(skill, prompts._recipe(config, options, skills.load(skill)), config.count)
            for skill in config.skills]


def of_images(config, world):
    identity = images._recipe(config)
    return [(skill, [shard.key for shard in images._plan(config, world.store, skill, identity)])
            for skill in config.skills]


def of_experts(config, world):
    session = SimpleNamespace(config=config, store=world.store)
    options = build(plugins.load(objectives, config.objective).Config, config.options)
    return {name: Session._wanted(session, name, asdict(options)) for name in config.experts}


def of_merge(config, world):
    return merge._recipe(config, config.options, {name: {"base": {}} for name in config.experts})


def of_evaluate(config, world):
    base = weights.fingerprint(weights.pipeline_folder(config.model))
    ensemble = SimpleNamespace(fingerprint=base, hashes={"a": "1", "b": "2"})
    bench = SimpleNamespace(config=config, ensemble=ensemble, _mix=lambda arm: config.models[arm])
    bench.recipe = Bench.recipe.func(bench)
    bench._parents = lambda arm: Bench._parents(bench, arm)
    rows = planning.rows(config)
    asked = [(row.model, row.key, row.other) for row in rows]
    return Bench.recipes(bench, rows), asked, config.ceiling


def of_grid(config, world):
    options = provenance.deciding(config, grid.ALWAYS)
    return config.name, {name: str(value) for name, value in options.items()}


def of_search(config, world):
    """What it would have evaluated, in which order, until it is told."""
    asked: list[Any] = []

    def evaluated(evaluation, store, ensemble):
        asked.append(asdict(evaluation))
        return iter(())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search.evaluate, "run", evaluated)
        patch.setattr(search.report, "summarised",
                      lambda *given: SimpleNamespace(macro=len(asked) / 99))
        patch.setattr("engine.models.ensemble.Ensemble", lambda *given: None)
        patch.setattr(search, "_told", lambda *given: iter(()))
        patch.setattr(search, "check", lambda config: None)
        patch.setattr(search, "write_records", lambda *given: None)
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
        "images": (images.Config(("counting",), best_of=2, judge="storybook", **common), of_images),
        "experts": (experts.Config(experts={"a": ["counting"]}, patience=2, objective="other",
                                   **common), of_experts),
        "merge": (merge.Config(two), of_merge),
        "evaluate": (evaluate.Config({"both": {"a": 1.0}}, prompts_per_skill=2, **common),
                     of_evaluate),
        "grid": (grid.Config("a", "b", two), of_grid),
        "search": (search.Config(("a", "b"), generations=2, population=2), of_search),
        "leave_one_out": (leave_one_out.Config(two), of_leave_one_out)}


@pytest.mark.parametrize(("stage", "name"), [
    (stage, field.name) for stage, kind in STAGES.items() for field in fields(kind)])
def test_another_value_makes_another_thing_or_the_field_says_why_not(stage, name, world):
    config, identity = configs(world)[stage]
    one = next(field for field in fields(config) if field.name == name)
    if not one.metadata.get("decides", True):
        assert len(one.metadata["why"]) > 10 and "recorded" not in one.metadata
        return
    value = other(type(config), name, getattr(config, name))
    if name == "experts" and stage == "experts":
        value = {"a": ["styles"]}
    if name == "experts" and stage == "search":
        value = ("a", "b", "c")
    value = getattr(world, value) if isinstance(value, str) and hasattr(world, value) else value
    assert value != getattr(config, name)
    assert identity(replace(config, **{name: value}), world) != identity(config, world)


def test_how_often_the_held_out_loss_is_measured_decides_when_an_expert_stops(world):
    config = experts.Config(experts={"a": ["counting"]}, model=world.base)
    assert of_experts(config, world) == of_experts(replace(config, held_out_every=7), world)
    early = replace(config, patience=2)
    assert of_experts(early, world) != of_experts(replace(early, held_out_every=7), world)


@pytest.mark.parametrize("stage",
                         [stage for stage in STAGES if stage not in ("search", "leave_one_out")])
def test_an_option_that_is_added_is_in_the_identity_by_itself(stage, world):
    """Search and leave-one-out keep nothing but evaluations, which decide for them."""
    config, identity = configs(world)[stage]
    kind = make_dataclass("Config", ADDED, bases=(type(config),), frozen=True, kw_only=True)
    values = {one.name: getattr(config, one.name) for one in fields(config)}
    same = identity(kind(**values), world) == identity(config, world)
    assert same, "with its default it voids nothing"
    assert identity(kind(**values, added=4), world) != identity(config, world)


@pytest.mark.parametrize(("package", "name"), PLUGINS)
def test_every_option_of_a_plugin_decides(package, name):
    kind = plugins.load(package, name).Config
    for one in fields(kind):
        if not one.metadata.get("decides", True):
            assert one.metadata["why"]
            continue
        options = kind()
        changed = replace(options, **{one.name: other(kind, one.name, getattr(options, one.name))})
        assert provenance.everything(changed) != provenance.everything(options), one.name


def test_the_options_of_a_plugin_that_are_new_void_nothing():
    options = make_dataclass("Config", [("top_p", float, field(default=1.0)), *ADDED])
    skill = skills.load("counting")
    now = prompts._recipe(prompts.Config(("counting",)), options(), skill)
    before = {key: value for key, value in now.items() if key != "writer's added"}
    assert difference(before, now) == ""
    other_now = prompts._recipe(prompts.Config(("counting",)), options(added=4), skill)
    assert difference(before, other_now) == "writer's added 3 -> 4"
    assert difference(now, before | {"writer's added": 9}) == "writer's added 3 -> 9"


def test_an_expert_knows_an_option_that_is_at_its_default_again(world, tmp_path, monkeypatch):
    config = experts.Config(experts={"a": ["counting"]}, model=world.base)
    wanted = of_experts(config, world)["a"]
    kind = make_dataclass("Config", ADDED, bases=(experts.Config,), frozen=True, kw_only=True)
    monkeypatch.setattr(checkpoints, "Config", kind)
    checkpoints._check_same(tmp_path, wanted, wanted)
    with pytest.raises(Exception, match=r"added 4 -> nothing"):
        checkpoints._check_same(tmp_path, {**wanted, "added": 4}, wanted)
    with pytest.raises(Exception, match=r"added nothing -> 4"):
        checkpoints._check_same(tmp_path, wanted, {**wanted, "added": 4})


def test_what_is_free_and_what_may_grow_stands_beside_the_fields():
    assert not hasattr(run_folder, "FREE") and not hasattr(run_folder, "GROWING")
    assert provenance.free(prompts.Config) == {"max_rounds", "replace"}
    assert provenance.free(images.Config) == {"batch_size", "replace"}
    assert provenance.free(merge.Config) == {"verify", "replace"}
    assert provenance.free(evaluate.Config) == {"batch_size", "keep_pictures", "replace"}
    assert {"recompute", "log_every", "held_out_every",
            "checkpoint_every"} <= provenance.free(experts.Config)
    assert provenance.growing(experts.Config) == {"experts", "shards", "overrides"}
    assert provenance.growing(evaluate.Config) == {"models", "skills", "guidances", "own_guidance"}


def test_whatever_decides_nothing_says_why():
    for kind in [*STAGES.values(), *NOTHING_KEPT.values(), experts.Training,
                 *(plugins.load(package, name).Config for package, name in PLUGINS)]:
        for one in fields(kind):
            assert ("why" in one.metadata) == (one.metadata.get("decides") is False), one.name
