"""A score is written in its judge's own unit."""
import pytest

from engine import judges
from engine.core import plugins
from engine.evaluate.intervals import Interval
from engine.evaluate.standings import units
from tests.plugin_files import install


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """A judge of this scale, called `made_up`, as a file beside the others."""
    def declare(scale):
        install(judges, "made_up", f"SCALE = {scale}", tmp_path, monkeypatch)
    return declare


def test_a_share_is_a_percentage():
    unit = units.judge_unit("storybook", [])
    assert unit is units.SHARE
    assert [unit.value(v) for v in (None, 0.0, 0.4567)] == ["–", "0.0", "45.7"]
    assert (unit.signed(-0.031), unit.signed(0.2)) == ("−3.1", "+20.0")
    assert unit.span(0.1, 0.95) == "10 to 95"
    assert unit.alone(0.667) == "67%" and unit.axis == "score, %"
    assert unit.interval_text(Interval(0.02, -0.01, 0.05)) == "+2.0 points (−1.0 to +5.0)"


def test_any_other_number_is_itself():
    unit = units.judge_unit("gone since", [20.3, None, 0.4])
    assert unit is units.PLAIN and unit.value(20.3) == "20.30" and unit.alone(20.3) == "20.3"
    assert (unit.alone(-1.7), unit.span(-1.75, 2.0)) == ("−1.7", "−1.8 to 2.0")
    assert unit.interval_text(Interval(0.5, -0.25, 1.25)) == "+0.50 (−0.25 to +1.25)"
    assert unit.axis == "score"


def test_without_a_declared_scale_the_values_decide():
    assert units.judge_unit("gone since", [0.0, None, 1.0]) is units.SHARE
    for outside in (-0.01, 1.01, 20.3):
        assert units.judge_unit("gone since", [0.5, outside]) is units.PLAIN


@pytest.mark.parametrize(("scale", "unit"), [
    ((0, 1), units.SHARE), ((-3.0, 3.0), units.PLAIN), ((0.0, 10.0), units.PLAIN)])
def test_a_declared_scale_decides_whatever_the_values(declared, scale, unit):
    declared(scale)
    assert units.judge_unit("made_up", [0.2, 0.9]) is unit


def test_every_judge_that_ships_declares_a_scale_that_holds_its_scores():
    for name in plugins.names(judges):
        low, high = getattr(plugins.load(judges, name), judges.SCALE)
        assert low < high
