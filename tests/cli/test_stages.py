"""Stages and recipes on the command line: a line an event, a sentence an error, an exit code that says which."""
import importlib
import json
import os
import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest

import engine
from engine import cli as command
from engine.cli import stages
from engine.core.errors import EngineError
from engine.core.events import Event


@pytest.fixture
def toy_line(monkeypatch):
    """A pipeline of two events in place of the real one; a recipe called missing.toml is refused."""
    def run(recipe, out):
        if recipe.name == "missing.toml":
            raise EngineError(f"There is no file {recipe}.")
        yield Event(f"read {recipe.name}, writing {out}", 1, 2)
        yield Event("All done.", kind="done")

    pipeline = ModuleType("engine.pipeline")
    pipeline.run = run
    monkeypatch.setitem(sys.modules, "engine.pipeline", pipeline)


def test_the_line_prints_a_line_an_event(toy_line, capsys):
    assert command.main(["run", "quick.toml", "--out", "there"]) == 0
    assert capsys.readouterr().out.splitlines() == ["[1/2] read quick.toml, writing there", "All done."]


def test_the_run_is_named_after_its_recipe(toy_line, capsys):
    assert command.main(["run", "recipes/quick.toml"]) == 0
    assert "writing runs/quick" in capsys.readouterr().out.replace("\\", "/")


def test_an_error_is_one_sentence_on_stderr(toy_line, capsys):
    assert command.main(["run", "missing.toml"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err == "There is no file missing.toml.\n"


def test_the_whole_line_is_a_job_too(toy_line, tmp_path):
    config = {"store": str(tmp_path / "demo"), "config": {"recipe": "quick.toml"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert command.main(["pipeline", str(tmp_path)]) == 0
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["progress", "done"] and "demo" in lines[0]["text"]


@pytest.mark.parametrize("config, sentence", [
    (None, "config.json is missing"),
    ("{", "is damaged"),
    ("{}", "'store' is missing"),
    ('{"store": "x", "conifg": {}}', "no option called 'conifg'"),
    ('{"store": "x", "config": {}}', "'recipe' is missing"),
    ("[]", "must hold named values"),
])
def test_a_job_that_cannot_be_read_says_so_to_those_who_follow_it(tmp_path, capsys, config, sentence):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    assert command.main(["pipeline", str(tmp_path)]) == 1
    assert sentence in capsys.readouterr().err
    last = json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])
    assert last["kind"] == "error" and sentence in last["text"]


def test_a_run_is_not_taken_for_a_job(tmp_path, capsys):
    (tmp_path / "recipe.toml").touch()
    assert command.main(["evaluate", str(tmp_path)]) == 1
    assert "is a run, not a job" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.toml"]


def test_a_job_folder_that_is_not_there_is_a_sentence(tmp_path, capsys):
    assert command.main(["merge", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("There is no job folder")


@pytest.mark.parametrize("arguments, words", [
    (["--help"], [*stages.STAGES, "Ctrl-C"]),
    (["run", "--help"], ["RECIPE.toml", "--out"]),
    (["merge", "--help"], ["FOLDER", "NAME=VALUE", "config.json"]),
])
def test_help_is_help(arguments, words, capsys):
    with pytest.raises(SystemExit, match="0"):
        command.main(arguments)
    shown = capsys.readouterr().out
    assert all(word in shown for word in words)


@pytest.fixture
def toy_stage(monkeypatch):
    """A stage in place of the export: it says what it was asked for."""
    @dataclass(frozen=True)
    class Config:
        name: str
        strength: float = 1.0
        experts: dict[str, float] = field(default_factory=dict)

    stage = ModuleType("engine.merge.export")
    stage.Config, stage.run = Config, lambda asked, store: iter([Event(f"{store.folder}: {asked}", kind="done")])
    monkeypatch.setitem(sys.modules, "engine.merge.export", stage)


def test_a_stage_takes_its_options_on_the_line(toy_stage, capsys):
    assert command.main(["export", "there", "name=two words", "strength=0.5", "experts={a=1.0, b=2.0}"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("there:") and "name='two words', strength=0.5, experts={'a': 1.0, 'b': 2.0}" in out


@pytest.mark.parametrize(("options", "sentence"), [
    (["name"], "Write name=value"), (["name=x", "colour=red"], "no option called 'colour'"),
    (["name=x", "strength=much"], "strength"), (["strength=1.0"], "'name' is missing")])
def test_options_that_make_no_sense_are_a_sentence(toy_stage, capsys, options, sentence):
    assert command.main(["export", "there", *options]) == 1
    assert sentence in capsys.readouterr().err


def test_the_whole_line_wants_a_recipe(capsys):
    assert command.main(["pipeline", "there", "recipe=x.toml"]) == 1
    assert "takes a recipe" in capsys.readouterr().err


def test_libraries_say_nothing_between_the_lines_of_progress(monkeypatch):
    wanted = {f"{library}_VERBOSITY": "error" for library in ("TRANSFORMERS", "DIFFUSERS")}
    for name in wanted:
        monkeypatch.delenv(name, raising=False)
    importlib.reload(engine)
    assert {name: os.environ[name] for name in wanted} == wanted
    monkeypatch.setenv("DIFFUSERS_VERBOSITY", "info")
    importlib.reload(engine)
    assert os.environ["DIFFUSERS_VERBOSITY"] == "info", "who wants to hear them does"
