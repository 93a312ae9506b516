"""A plugin is a file."""
import logging
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

import engine
from engine import judges
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.options import option
from engine.core.plugins import PluginChoice, Slot

TIES = '''
"""Trim, elect, merge."""
from dataclasses import dataclass
from engine.core.errors import EngineError

@dataclass(frozen=True)
class Config:
    density: float = 0.2
    model: str = "tiny"

def check(config):
    if not config.density:
        raise EngineError("Nothing is left. Raise density.")

def toy_method(config):
    return f"keeps {config.density}"
'''


@pytest.fixture
def methods(tmp_path, monkeypatch):
    package = tmp_path / "toy_methods"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "_shared.py").touch()
    (package / "ties.py").write_text(TIES)
    (package / "linear.py").write_text('"""Weighted sum."""')
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("toy_methods")
    for name in [name for name in sys.modules if name.startswith("toy_methods")]:
        del sys.modules[name]


def test_names_are_the_files_sorted_without_the_private_ones(methods):
    assert plugins.names(methods) == ["linear", "ties"]


def test_load_imports_one(methods):
    found = plugins.load(methods, "ties")
    assert isinstance(found, ModuleType) and found.__doc__ == "Trim, elect, merge."


@pytest.mark.parametrize("name", ["magic", "_shared", "", "../ties"])
def test_an_unknown_name_gets_the_choices(methods, name):
    with pytest.raises(EngineError, match="Choose one of linear, ties"):
        plugins.load(methods, name)


def test_a_choice_is_checked_built_and_opened_in_one_place(methods):
    choice = PluginChoice(methods, "ties", {"density": 0.5})
    choice.check()
    assert choice.kind == "toy_method" and choice.config().density == 0.5
    assert choice.open() == "keeps 0.5"


@pytest.mark.parametrize("name, options, match", [
    ("ties", {"density": "much"}, "options of the toy_method ties: density"),
    ("ties", {"weight": 1.0}, "no option called 'weight'"),
    ("ties", {"density": 0.0}, "Raise density"),
    ("magic", {}, "Choose one of linear, ties")])
def test_a_choice_that_makes_no_sense_is_refused(methods, name, options, match):
    with pytest.raises(EngineError, match=match):
        PluginChoice(methods, name, options).check()


BROKEN = {
    "syntax": ("a = 1\n\ndef half(:\n", "SyntaxError, line 3: invalid syntax"),
    "missing": ("import os\nimport no_such_library\n", "ModuleNotFoundError, line 2: .*no_such_library"),
    "raises": ("def f():\n    return 1 / 0\nf()\n", "ZeroDivisionError, line 2"),
    "bare": ("'Help.'\n", "no Config"),
    "silent": (TIES.replace('"""Trim, elect, merge."""', ""), "no docstring")}


@pytest.fixture(params=BROKEN)
def broken(request, methods, tmp_path):
    """The name of a plugin that does not load, beside two others, and what is wrong with it."""
    source, reason = BROKEN[request.param]
    (tmp_path / "toy_methods/linear.py").write_text(TIES)
    (tmp_path / f"toy_methods/{request.param}.py").write_text(source)
    return request.param, reason


def test_a_file_that_does_not_load_is_left_out_with_a_sentence(broken, methods, caplog):
    name, reason = broken
    with caplog.at_level(logging.WARNING):
        assert plugins.offered(methods, with_config=True) == ["linear", "ties"]
        plugins.offered(methods, with_config=True)
    (warning,) = [record.getMessage() for record in caplog.records]
    assert plugins.faults(methods, with_config=True) == {name: warning}
    assert warning.startswith(f"toy_methods/{name}.py does not load: ") and warning.endswith("mend or remove it.")


def test_who_names_a_file_that_does_not_load_is_told_why(broken, methods):
    name, reason = broken
    with pytest.raises(EngineError, match=rf"{name}.py does not load: .*{reason}"):
        PluginChoice(methods, name).check()
    assert PluginChoice(methods, "ties").config().model == "tiny"


def test_a_mended_file_is_there_again(methods, tmp_path):
    file = tmp_path / "toy_methods/half.py"
    file.write_text("def half(:")
    assert plugins.fault(methods, "half")
    file.write_text(TIES)
    assert plugins.fault(methods, "half") == "" and "half" in plugins.offered(methods, with_config=True)


@pytest.fixture
def stage(methods):
    @dataclass(frozen=True)
    class Config:
        name: str = "mine"
        method: str = option("linear", family=methods, options_in="options")
        options: dict[str, Any] = option(factory=dict)
        reader: str = option("ties", family=methods)
    return Config


def test_a_config_says_which_options_name_plugins(stage, methods):
    assert plugins.slots(stage) == [Slot("method", methods, "options"), Slot("reader", methods, "")]
    assert plugins.slot(stage, "reader").family is methods


def test_what_stands_in_a_slot_is_a_choice(stage, methods):
    config = stage(method="ties", options={"density": 0.7})
    assert plugins.choice_of(config, "method") == PluginChoice(methods, "ties", {"density": 0.7})
    assert plugins.choice_of(config, "reader") == PluginChoice(methods, "ties")


def test_choices_are_keys_whatever_their_options_hold(methods):
    one, same, other = (PluginChoice(methods, "ties", {"layers": [layer]}) for layer in (1, 1, 2))
    assert {one: "found"}[same] == "found" and other not in {one: "found"}


def test_a_choice_tells_its_identity_and_the_model_it_loads(methods):
    choice = PluginChoice(methods, "ties", {"density": 0.5})
    assert choice.identity() == {"density": 0.5, "model": "tiny"}
    assert choice.identity().defaults == {"density": 0.2, "model": "tiny"}
    assert choice.model == "tiny"


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A world's room that brings the judge `redness`, beside a family that has none."""
    folder = tmp_path / "engine/a_world/judges"
    folder.mkdir(parents=True)
    (folder / "_private.py").touch()
    (folder / "redness.py").write_text('"""Of a world."""')
    monkeypatch.setattr(plugins, "ENGINE", tmp_path / "engine")
    monkeypatch.setattr(engine, "__path__", [*engine.__path__, str(tmp_path / "engine")])
    monkeypatch.setattr(judges, "__path__", [])
    yield folder
    for name in [name for name in sys.modules if name.startswith("engine.a_world") or name == "engine.judges.redness"]:
        del sys.modules[name]
    vars(engine).pop("a_world", None), vars(judges).pop("redness", None)


def test_a_room_may_bring_a_plugin_of_a_family(room):
    assert plugins.names(judges) == ["redness"]
    assert plugins.load(judges, "redness").__doc__ == "Of a world."
    with pytest.raises(EngineError, match="judge.*'blueness'.*one of redness"):
        plugins.load(judges, "blueness")


def test_the_familys_own_goes_before_a_rooms(room, tmp_path, monkeypatch):
    (tmp_path / "redness.py").write_text('"""Of the family."""')
    monkeypatch.setattr(judges, "__path__", [str(tmp_path)])
    assert plugins.names(judges) == ["redness"]
    assert plugins.load(judges, "redness").__doc__ == "Of the family."
