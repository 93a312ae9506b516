"""Every option of every stage and plugin decides what comes out, or says why it does not."""
import json
from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine import evaluate, experts, images, merge, prompts, recipes
from engine.core import plugins, provenance
from engine.core.provenance import OtherSettings, difference, versions
from engine.core.store import Store, read_json, write_records
from engine.core.types import Prompt
from engine.experts import checkpoints, latents
from engine.merge import records
from engine.prompts import skills, writers
from engine.runs import resume
from engine.worlds import storybook
from tests.experts.worlds import paint_pictures
from tests.identities import (
    ADDED,
    IDENTITIES,
    NOTHING_KEPT,
    PLUGINS,
    STAGES,
    configs,
    of_evaluate,
    of_experts,
    of_prompts,
    other,
)
from tests.tiny_models import tiny_stable_diffusion

ROOT = Path(__file__).parents[2]


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
            Prompt(f"{skill}{i}", skill, f"{count} red balls") for skill in ("counting", "styles")
            for i, count in enumerate(("two", "three", "four", "five")[:number + 2])])
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

    def loaded(package, name, with_config=False):
        if name == "other":
            return SimpleNamespace(Config=Options, NEEDS="pictures")
        return load(package, name, with_config)
    monkeypatch.setattr(plugins, "load", loaded)
    monkeypatch.setattr(storybook, "JUDGES", ("storybook", "other"))


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
    assert identity(kind(**values, added=4), world) != identity(kind(**values), world)
    if stage in IDENTITIES:  # an expert's is held against its files, below
        before, now, other_now = (IDENTITIES[stage](one, world) for one in (
            config, kind(**values), kind(**values, added=4)))
        assert difference(before, now) == "", "with its default it voids nothing"
        assert difference(before, other_now) == "added 3 -> 4"


@pytest.mark.parametrize(("package", "name"), PLUGINS)
def test_every_option_of_a_plugin_decides(package, name):
    kind = plugins.load(package, name).Config
    for one in fields(kind):
        if not one.metadata.get("decides", True):
            assert one.metadata["why"]
            continue
        options = kind()
        changed = replace(options, **{one.name: other(kind, one.name, getattr(options, one.name))})
        assert provenance.deciding_options(changed) != provenance.deciding_options(options), one.name


def test_the_options_of_a_plugin_that_are_new_void_nothing(monkeypatch):
    options = make_dataclass("Config", [("top_p", float, field(default=1.0)), *ADDED])
    monkeypatch.setattr(plugins.load(writers, "storybook"), "Config", options)
    skill = skills.load("counting")
    now = prompts._recipe(prompts.Config(("counting",)), skill)
    before = {key: value for key, value in now.items() if key != "writer's added"}
    assert difference(before, now) == ""
    other_now = prompts._recipe(prompts.Config(("counting",), writer_options={"added": 4}), skill)
    assert difference(before, other_now) == "writer's added 3 -> 4"
    assert difference(now, before | {"writer's added": 9}) == "writer's added 3 -> 9"


def test_an_expert_knows_an_option_that_is_at_its_default_again(world, tmp_path, monkeypatch):
    config = experts.Config(experts={"a": ["counting"]}, model=world.base)
    wanted = of_experts(config, world)["a"]
    kind = make_dataclass("Config", ADDED, bases=(experts.Config,), frozen=True, kw_only=True)
    monkeypatch.setattr(checkpoints, "Config", kind)
    checkpoints._check_same(tmp_path, wanted, {**wanted, "added": 3})
    with pytest.raises(OtherSettings, match=r"added 4 -> 3"):
        checkpoints._check_same(tmp_path, {**wanted, "added": 4}, {**wanted, "added": 3})
    with pytest.raises(OtherSettings, match=r"added 3 -> 4"):
        checkpoints._check_same(tmp_path, wanted, {**wanted, "added": 4})


def test_what_is_free_and_what_may_grow_stands_beside_the_fields():
    assert not hasattr(resume, "FREE") and not hasattr(resume, "GROWING")
    assert provenance.free(prompts.Config) == {"max_rounds", "replace"}
    assert provenance.free(images.Config) == {"batch_size", "replace"}
    assert provenance.free(merge.Config) == {"verify", "replace"}
    assert provenance.free(evaluate.Config) == {"batch_size", "keep_pictures", "picture_budget_mb", "replace"}
    assert {"recompute", "log_every", "held_out_every",
            "checkpoint_every"} <= provenance.free(experts.Config)
    assert provenance.growing_options(experts.Config) == {"experts", "shards", "overrides"}
    assert provenance.growing_options(evaluate.Config) == {"models", "skills", "guidances", "own_guidance"}


def test_whatever_decides_nothing_says_why():
    for kind in [*STAGES.values(), *NOTHING_KEPT.values(), experts.Training,
                 *(plugins.load(package, name).Config for package, name in PLUGINS)]:
        for one in fields(kind):
            assert ("why" in one.metadata) == (one.metadata.get("decides") is False), one.name


def test_what_changed_is_named():
    assert difference({"a": 1, "b": "x"}, {"a": 1, "b": "x"}) == ""
    assert difference({"a": [1, [2]], "b": {"c": [3]}}, {"a": (1, (2,)), "b": {"c": (3,)}}) == "", "JSON has no tuples"
    assert difference({"a": 1, "b": ""}, {"a": 2.5, "c": "y" * 99}) == f"a 1 -> 2.5, c nothing -> {'y' * 37}..."


def test_a_record_is_completed_by_defaults_and_by_those_of_its_plugin():
    now = provenance.Identity({"rank": 8, "options": {"beta": 2.0}}, {"rank": 4, "new": 1}, {"options": {"beta": 1.0}})
    assert now.completed({}) == {"rank": 4, "new": 1, "options": {"beta": 1.0}}
    assert difference({"rank": 8, "options": {"beta": 2.0}}, now) == ""
    assert difference({"options": {"beta": 2.0}}, now) == "rank 4 -> 8"
    assert now.part_of({"rank": 8, "step": 7}) == {"rank": 8}
    assert now.omit("rank").completed({}) == {"new": 1, "options": {"beta": 1.0}}


def test_what_other_settings_made_is_refused_or_given_up():
    made, now = {"steps": 20}, {"steps": 50}
    assert provenance.is_same(made, made, "It was made with other settings", "Set them back")
    with pytest.raises(OtherSettings, match=r"steps 20 -> 50.*Set them back\.$"):
        provenance.is_same(made, now, "It was made with other settings", "Set them back")
    assert not provenance.is_same(made, now, "It was made with other settings", "Set them back", replace=True)


def test_versions_are_of_what_is_installed():
    assert versions()["torch"][0].isdigit()


def test_what_was_recorded_before_this_rule_is_recorded_still(monkeypatch):
    """The run that ships was made before; but for hashes of weights its records are what they were."""
    monkeypatch.setattr(latents, "hashes", lambda store, skills: dict.fromkeys(skills, ""))
    folder = ROOT / "assets" / "example_run"
    asked, store = recipes.load(folder / "recipe.toml"), Store(folder)
    world, identity = SimpleNamespace(store=store), plain(images._recipe(asked.images))
    for skill, now, _ in of_prompts(asked.prompts, world):
        assert plain(now) == plain(read_json(folder / f"prompts/{skill}.recipe.json")["recipe"])
        painted = read_json(store.images(skill) / "recipe.json")["recipe"]
        assert identity == plain(painted)
    for name, now in of_experts(asked.experts, world).items():
        had = read_json(store.expert(name) / "recipe.json")
        assert {**now, "images": had["images"]} == {key: had[key] for key in now}
    merged = read_json(store.merge("merged") / "recipe.json")
    now = records.recipe_of(asked.merge, merged["parents"])
    assert now == {key: merged[key] for key in now}
    for config in (asked.validation, asked.test):
        had = read_json(folder / f"scores/base@3.5/{config.split}/storybook.recipe.json")["recipe"]
        assert plain(of_evaluate(config, world)[0]["base@3.5"]) == plain(had)


def plain(recipe):
    """Without the hashes of weights, as JSON gives it back."""
    return json.loads(json.dumps({key: one for key, one in recipe.items() if "sha256" not in key}))
