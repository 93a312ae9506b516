"""One record says how an arm stands, and one function which base it is compared with."""
import json

import pytest

from engine.core.evidence import Evidence
from engine.core.types import Score
from engine.evaluate import intervals, report, standings, summary
from engine.evaluate.standings import score_tables

MODELS = ["base@2", "base@3.5", "a@2", "merged@5", "ceiling"]


@pytest.mark.parametrize("model, base", [
    ("a@2", "base@2"), ("merged@5", "base@2"), ("b@3.5", "base@3.5"), ("base@2", None), ("base@9", None),
    ("ceiling", None)])
def test_a_model_is_compared_with_the_base_at_its_scale_or_else_the_first(model, base):
    assert standings.base_of(model, MODELS) == base


def test_without_a_base_nothing_is_compared():
    assert standings.base_of("a@2", ["a@2", "ceiling"]) is None
    assert standings.base_of("a@2", ["plain@3", "a@2"], base="plain") == "plain@3"


def scores(values, judge="storybook"):
    return [Score(prompt, 1, judge, value, Evidence(skill="s")) for prompt, value in values.items()]


def test_a_standing_says_what_the_scores_say():
    ours, theirs = {"a": 0.9, "b": 0.8, "c": 0.7}, {"a": 0.2, "b": 0.3, "c": 0.1}
    found = standings.standing_of("merged@2", scores(ours), scores({"a": 0.25}), scores(theirs))
    assert (found.arm, found.guidance, found.floor, found.diversity) == ("merged", 2.0, 0.25, None)
    assert found.against_base == intervals.paired_difference({"s": ours}, {"s": theirs}) and found.verdict == "better"
    assert found.mean == intervals.mean({"s": ours}) and found.by_skill["s"].value == pytest.approx(0.8)
    assert found.summary == summary.summarise(scores(ours))
    alone = standings.standing_of("base@2", scores(theirs), [], None)
    assert alone.against_base is None and alone.verdict == "" and alone.floor is None


def test_a_row_of_an_event_has_no_single_prompts():
    row = standings.standing_of("merged@2", scores({"a": 0.9, "b": 0.8}), [], None).as_row()
    assert set(row) == {"arm", "guidance", "summary", "diversity", "floor", "against_base", "verdict"}
    assert json.loads(json.dumps(row))["summary"]["macro"] == pytest.approx(0.85)


def test_the_command_line_and_the_app_tell_the_same(config, finished):
    told = {standing.model: standing for standing in report.lines(config, finished[0])}
    shown = {standing.model: standing for standing in score_tables.run_standings(finished[0], "validation/storybook")}
    assert told == shown and len(told) == 7
