"""Whatever a person writes in a recipe, an option or a file is taken, or told with the remedy."""

import importlib
import sys
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from engine import evaluate, merge, recipes
from engine.cli import stages as command
from engine.core.config import to_toml
from engine.core.store import write_json
from engine.prompts import skills
from tests.bad_inputs.configs import CONFIGS, STAGES
from tests.bad_inputs.mutations import Damage, of_file, of_json, some
from tests.bad_inputs.reading import outcome
from tests.bad_inputs.toml_mutations import WRONG, of_toml

EACH = 120
SKILL = """
title = "Mine"
instruction = "Say what is seen."
examples = ["a red ball", "two blue stars", "a green tree"]
most_words = 30
least_words = 2
most_count = 6
paper = "none"
rules = { each = [2, 6], groups = [1, 2], twins = "never" }
"""
OWN = """{"id": "a", "skill": "mine", "text": "two red balls"}
{"id": "b", "skill": "mine", "text": "a ball"}
"""


def recipe() -> dict[str, Any]:
    tables = {name: tomllib.loads(to_toml(asdict(CONFIGS[name]))) for name in recipes.STAGES}
    return {
        "model": "storybook",
        "skills": ["counting"],
        "seed": 3,
        "title": "mine",
        **tables,
        "validation": {"prompts_per_skill": 2},
        "test": {"prompts_per_skill": 3},
        "published": {"base": {"dsg": 0.5}},
        "deviations": {"flip": "no mirror"},
    }


def faults(damages: list[Damage], path: Path, read, named: str) -> list[str]:
    found, refused = [], 0
    for damage in damages:
        damage.of(path)
        answer, said = outcome(read, named)
        refused += answer == "refused"
        found += [f"{damage.said}: {said}"] if answer == "fault" else []
    assert refused > len(damages) / 4, f"only {refused} of {len(damages)} were refused"
    return found


def told(found: list[str], tried: list[Damage]) -> str:
    return f"{len(found)} of {len(tried)}:\n" + "\n\n".join(found[:10])


def tried_recipes(each: int) -> list[Damage]:
    whole = recipe()
    return [*of_file(to_toml(whole)), *some(of_toml(whole), each, "recipes")]


@pytest.mark.parametrize("each", [EACH, pytest.param(10_000, marks=pytest.mark.slow)])
def test_recipes(tmp_path, each):
    file, tried = tmp_path / "my.toml", tried_recipes(each)
    file.write_text(to_toml(recipe()))
    recipes.load(file)  # the good one
    found = faults(tried, file, lambda: recipes.load(file), "my.toml")
    assert not found, told(found, tried)


@pytest.mark.parametrize("each", [EACH, pytest.param(10_000, marks=pytest.mark.slow)])
def test_skills(tmp_path, each):
    file = tmp_path / "mine.toml"
    file.write_text(SKILL)
    skills.load("mine", tmp_path)
    tried = [*of_file(SKILL), *some(of_toml(tomllib.loads(SKILL)), each, "skills")]
    gone = [damage for damage in tried if damage.said != "gone"]
    found = faults(gone, file, lambda: skills.load("mine", tmp_path), "mine")
    assert not found, told(found, tried)


def options(each: int) -> list[tuple[str, str]]:
    """(stage, NAME=VALUE) of every option of every stage with every wrong value."""
    texts = [
        *WRONG.values(),
        "",
        "x = 5",
        "5\nreplace = true",
        '"',
        "'",
        "{",
        "[[",
        "\\",
        "\x00",
        "é",
        "y" * 300,
    ]
    found = [
        (stage, f"{name}={text}")
        for stage, config in CONFIGS.items()
        for name in asdict(config)
        for text in texts
    ]
    found += [
        (stage, text) for stage in CONFIGS for text in ("", "=", "x", "=5", "a=b=c", "\x00=1")
    ]
    return [found[n] for n in range(0, len(found), max(1, len(found) // each))]


@pytest.mark.parametrize("each", [3 * EACH, pytest.param(10_000, marks=pytest.mark.slow)])
def test_options_on_the_line(tmp_path, monkeypatch, each):
    for module in STAGES.values():
        monkeypatch.setattr(
            module, "run", lambda config, store, module=module: iter([module.check(config)])
        )
    found, refused, tried = [], 0, options(each)
    for stage, option in tried:
        answer, said = outcome(
            lambda stage=stage, option=option: list(
                command.events_of_options(stage, tmp_path, [*needed(stage, option), option])
            )
        )
        refused += answer == "refused"
        found += [f"{stage} {option[:60]!r}: {said}"] if answer == "fault" else []
    assert not found, f"{len(found)} of {len(tried)}:\n" + "\n\n".join(found[:10])
    assert refused > len(tried) / 4


def needed(stage: str, option: str) -> list[str]:
    """What the stage cannot do without, but the option itself."""
    wanted = {
        "prompts": {"skills": '["counting"]'},
        "images": {"skills": '["counting"]'},
        "experts": {"experts": '{one = ["counting"]}'},
        "merge": {"experts": "{one = 1.0}"},
        "grid": {"x": "one", "y": "two", "weights": "{one = 1.0, two = 1.0}"},
        "search": {"experts": '["one", "two"]'},
        "leave_one_out": {"experts": "{one = 1.0, two = 1.0}"},
        "adopt": {"file": "x.safetensors", "name": "mine"},
        "export": {"name": "mine"},
    }
    return [
        f"{name}={value}"
        for name, value in wanted.get(stage, {}).items()
        if name != option.partition("=")[0]
    ]


@pytest.mark.parametrize("each", [EACH // 2, pytest.param(10_000, marks=pytest.mark.slow)])
def test_jobs(tmp_path, monkeypatch, each):
    monkeypatch.setattr(merge, "run", lambda config, store: iter([merge.check(config)]))
    job = tmp_path / "deep" / "down" / "job"
    job.mkdir(parents=True)
    monkeypatch.chdir(job)  # a store of "../../x" stays in here
    write_json(
        job / "config.json", {"store": str(tmp_path / "run"), "config": asdict(CONFIGS["merge"])}
    )
    text = (job / "config.json").read_text(encoding="utf-8")
    tried = [*of_file(text), *some(list(of_json(text)), each, "jobs")]
    found = faults(tried, job / "config.json", lambda: list(command.events_of_job("merge", job)), "")
    assert not found, told(found, tried)


@pytest.mark.parametrize("each", [EACH // 2, pytest.param(10_000, marks=pytest.mark.slow)])
def test_prompts_of_ones_own(tmp_path, each):
    file = tmp_path / "own.jsonl"
    config = replace(CONFIGS["evaluate"], prompts=str(file))
    tried = [*of_file(OWN), *some(list(of_json(OWN, by_line=True)), each, "own prompts")]
    said = []

    def read() -> None:
        try:
            evaluate.check(config)
        except Exception as error:
            said.append(str(error))
            raise

    found = faults(tried, file, read, "own.jsonl")
    assert not found, told(found, tried)
    assert not [sentence for sentence in said if "Delete" in sentence], "it is theirs"


def test_there_are_hundreds_of_them(capsys):
    count = len(tried_recipes(EACH)) + len(options(3 * EACH))
    with capsys.disabled():
        sys.stdout.write(f"\n{count} recipes and options\n")
    assert count >= 300


def test_every_option_has_a_value():
    for stage in command.STAGES:
        if stage != "pipeline":
            assert isinstance(CONFIGS[stage], importlib.import_module(command.STAGES[stage].module).Config)
