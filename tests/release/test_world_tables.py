"""The tables of what was measured: every world that has some gets its own, and one without any none."""
import json
from dataclasses import replace

import pytest

from engine import worlds
from engine.core.bars import Bar, at_least
from engine.core.errors import EngineError
from engine.release import bars, experiments, tables
from engine.worlds import Measurements
from tests.plugin_files import install


@pytest.fixture
def measurements(tmp_path) -> Measurements:
    """Of a world that was measured once: one bar reached, one missed, one without a goal."""
    measured = tmp_path / "measured.json"
    measured.write_text(json.dumps({"sharp": 0.97, "quick": 0.4, "floor": 1234.0, "n": {"sharp": 50}}))
    judged = {"sharp": Bar("sharp pictures", "≥ 0.9", at_least("sharp", 0.9)),
              "quick": Bar("quick ones", "≥ 0.5", at_least("quick", 0.5)), "floor": Bar("the floor")}
    searches = {"rates": {"base": "the base", "fast": "at 1"}}
    return Measurements(tmp_path / "README.md", judged, measured, "main", searches)


def arms(*names):
    entry = {"dsg": 0.5, "against_base": None}
    return {"arms": {name: {"validation": {"2": entry, "5": entry}} for name in names}}


def test_a_bar_says_what_was_measured_and_whether_it_was_missed(measurements):
    rows = bars.table(measurements).splitlines()
    assert rows == [*bars.HEADER, "| sharp pictures | ≥ 0.9 | 0.97 | 50 |",
                    "| quick ones | ≥ 0.5 | 0.4, missed |  |", "| the floor |  | 1,234 |  |"]


def test_the_arms_of_a_search_are_told_in_the_worlds_words(measurements, tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "RESULTS", tmp_path)
    (tmp_path / "rates.json").write_text(json.dumps(arms("base", "fast")))
    (tmp_path / "main.json").write_text(json.dumps(arms("base")))
    told = experiments.search_table(measurements)
    assert "| the base | 0.500 | 0.500 |" in told and "| at 1 |" in told and "fast" not in told
    assert "| base |" in experiments.at_each_scale(measurements)
    (tmp_path / "rates.json").write_text(json.dumps(arms("base", "fast", "slow")))
    with pytest.raises(EngineError, match="base, fast, slow"):
        experiments.search_table(measurements)


def world(measurements_line: str) -> str:
    return f"from engine.worlds.photographs import *\nBASES, JUDGES = (), ()\n{measurements_line}\n"


def test_a_new_world_brings_its_tables_under_marks_of_its_own(measurements, tmp_path, monkeypatch):
    before = set(tables.all_tables())
    module = install(worlds, "sketches", world("MEASUREMENTS = None"), tmp_path, monkeypatch)
    assert set(tables.all_tables()) == before, "nothing was measured in it"
    monkeypatch.setattr(module, "MEASUREMENTS", measurements)
    added = set(tables.all_tables()) - before
    assert added == {f"sketches {mark}" for mark in tables.WORLD_TABLES}
    assert tables.all_tables()["sketches bars"]() == bars.table(measurements)
    assert tables.all_tables()["bars"]() != bars.table(measurements), "the usual world's stays what it was"


def test_only_worlds_in_which_something_was_measured_have_a_guide(measurements, tmp_path, monkeypatch):
    guides = [of_world.guide for of_world in tables.measured_worlds().values()]
    assert guides and set(guides) <= set(tables.GUIDES) and all(guide.is_file() for guide in guides)
    module = install(worlds, "sketches", world("MEASUREMENTS = None"), tmp_path, monkeypatch)
    assert "sketches" not in tables.measured_worlds() and "photographs" not in tables.measured_worlds()
    monkeypatch.setattr(module, "MEASUREMENTS", replace(measurements, bars={}))
    assert tables.measured_worlds()["sketches"].bars == {}
