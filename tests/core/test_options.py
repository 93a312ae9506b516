"""A new option is one line: forms, command line, recipes and identities follow from its field."""
from dataclasses import asdict, dataclass, field, fields, make_dataclass

import gradio as gr
import pytest

from app.forms.form import form
from engine import experts, images, recipes
from engine.__main__ import main
from engine.core import options, plugins, provenance
from engine.core.config import build, to_toml
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.option_groups import BaseModel, Judging, OptionalJudging, Painting, Sampling
from tests.identities import NOTHING_KEPT, PLUGINS, STAGES

GROUPS = (BaseModel, Sampling, Painting, Judging, OptionalJudging)
ADDED = ("sharpness", float, field(default=0.5, metadata={"help": "How sharp", "range": (0.0, 2.0)}))


@pytest.fixture
def config(monkeypatch):
    """The images stage's Config with one option more, where the stage has its own."""
    kind = make_dataclass("Config", [ADDED], bases=(images.Config,), frozen=True, kw_only=True)
    monkeypatch.setattr(images, "Config", kind)
    return kind


def test_the_form_shows_it_with_its_range_and_help(config):
    with gr.Blocks():
        shown = form(config, "images", leave_out=("skills", "judge_options")).components["sharpness"]
    assert isinstance(shown, gr.Slider) and (shown.minimum, shown.maximum, shown.value) == (0.0, 2.0, 0.5)
    assert shown.label == "Sharpness" and shown.info == "How sharp"


def test_the_command_line_takes_it(config, monkeypatch, tmp_path, capsys):
    configs = []

    def run(one, store):
        configs.append(one)
        yield Event("Painted.", kind="done")
    monkeypatch.setattr(images, "run", run)
    assert main(["images", str(tmp_path / "run"), 'skills=["counting"]', "sharpness=1.5"]) == 0
    assert [one.sharpness for one in configs] == [1.5]
    assert main(["images", str(tmp_path / "run"), 'skills=["counting"]', "sharpness=3"]) == 1
    assert "sharpness" in capsys.readouterr().err and len(configs) == 1


def test_a_recipe_holds_it(config, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(to_toml({"images": asdict(config(("counting",), sharpness=1.25))}))
    assert recipes.load(file).images == config(("counting",), sharpness=1.25)
    file.write_text('[images]\nskills = ["counting"]\nsharpness = "much"\n')
    with pytest.raises(EngineError, match=r"\[images\].*sharpness"):
        recipes.load(file)


def test_the_identity_tells_it_apart_and_older_work_keeps_its_own(config):
    now = provenance.identity(config(("counting",), sharpness=1.5), {"model's sha256": "1"})
    older = {name: value for name, value in now.items() if name != "sharpness"}
    assert now["sharpness"] == 1.5
    assert provenance.difference(older, now) == "sharpness 0.5 -> 1.5"
    default = provenance.identity(config(("counting",)), {"model's sha256": "1"})
    assert provenance.difference(older, default) == ""


@pytest.mark.parametrize("kind", [*STAGES.values(), *NOTHING_KEPT.values()], ids=lambda kind: kind.__module__)
def test_what_several_stages_share_stands_once(kind):
    """A Config may say another default or another help, and then the type stays the group's."""
    for group in GROUPS:
        if issubclass(kind, group):
            assert options.values(build_any(kind), group).keys() == {one.name for one in fields(group)}
    names = {one.name for one in fields(kind)}
    assert issubclass(kind, BaseModel) == ("revision" in names)
    assert issubclass(kind, Judging) == ("judge" in names)
    assert issubclass(kind, Sampling) == ("sampler" in names)


def build_any(kind):
    """One with something for each option that must be given."""
    must = {"skills": ("a",), "experts": {"a": ["b"]} if kind is experts.Config else {"a": 1.0, "b": 1.0}, "x": "a",
            "y": "b", "weights": {"a": 1.0}, "file": "f", "name": "n"}
    if kind is STAGES["search"]:
        must["experts"] = ("a", "b")
    given = options.defaults(kind)
    return build(kind, {one.name: must[one.name] for one in fields(kind) if one.name not in given})


@pytest.mark.parametrize("kind", [*STAGES.values(), *NOTHING_KEPT.values(), *GROUPS, *(
    plugins.load(package, name).Config for package, name in PLUGINS)])
def test_a_field_says_nothing_that_nobody_reads(kind):
    for one in fields(kind):
        assert set(one.metadata) <= options.FACTS, one.name


@dataclass(frozen=True)
class Late:
    """A Config whose last option came after artifacts were made."""

    steps: int = options.option(20)
    reading: str = options.option("whole", silent_default=True)


def test_records_are_silent_of_an_option_at_a_default_that_is_to_be_silent():
    assert options.record_of(Late()) == provenance.deciding_options(Late()) == {"steps": 20}
    assert options.record_of(Late(reading="parts")) == {"steps": 20, "reading": "parts"}
    assert provenance.names(Late) == ["steps", "reading"]


def test_a_silent_default_is_told_from_other_values_both_ways():
    default, other = (provenance.identity(late, {}) for late in (Late(), Late(reading="parts")))
    assert provenance.difference(dict(default), other) == "reading whole -> parts"
    assert provenance.difference(dict(other), default) == "reading parts -> whole"
    assert provenance.difference({"steps": 20, "reading": "whole"}, default) == ""


def test_options_are_handed_on_by_group():
    @dataclass(frozen=True)
    class Config(Painting, BaseModel):
        seed: int = 0
    config = Config(steps=3, model="here")
    assert options.values(config, BaseModel) == {"model": "here", "revision": None, "encoder": "native"}
    assert options.values(config, Sampling) == {"steps": 3, "sampler": "dpmsolver++"}
    assert options.defaults(Config)["guidance"] == 3.5 and options.defaults(Config)["seed"] == 0
