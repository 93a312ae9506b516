"""The best scale of an arm, and the table."""
from dataclasses import replace

import pytest

from engine.core.errors import EngineError
from engine.core.evidence import Evidence
from engine.core.store import Store, write_records
from engine.core.types import Score
from engine.evaluate import report, standings


def test_the_report_of_a_finished_run(config, finished):
    found = report.lines(config, finished[0])
    assert [line.arm for line in found] == ["base", "base", "counting", "counting", "both", "both", "ceiling"]
    assert all(line.against_base and line.verdict for line in found if line.arm in ("counting", "both"))
    assert not any(line.against_base for line in found if line.arm in ("base", "ceiling"))
    assert 0 < found[0].diversity < 1 and found[-1].diversity is None
    text = report.table(found, config.judge)
    head, *rows = (line.split() for line in text.splitlines())
    assert head[:5] == ["arm", "guidance", "counting", "styles", "DSG"] and len(rows) == 7
    for name, value in (("exact", found[0].summary.exact), ("floor", found[0].floor), ("DSG", found[0].summary.macro)):
        assert rows[0][head.index(name)] == report.share(value) and value is not None


def test_the_best_scale_is_the_highest_mean_and_the_lowest_of_equals(config, tmp_path):
    store, one = Store(tmp_path), replace(config, models={"base": {}}, guidances=(1.0, 2.0, 3.0))
    for scale, value in ((1, 0.4), (2, 0.7), (3, 0.7)):
        evidence = Evidence(skill="counting")
        write_records(store.scores(f"base@{scale}", "validation/storybook"), [Score("a", 0, "x", value, evidence)])
    assert report.best_guidance(one, store) == {"base": 2.0}
    unscored = Score("a", 0, "x", None, Evidence(skill="counting"))
    write_records(store.scores("base@1", "validation/storybook"), [unscored])
    with pytest.raises(EngineError, match="could read no prompt of validation"):
        report.best_guidance(replace(one, guidances=(1.0,)), store)


UNEVEN = {2: {"a": 1.0, "b": 1.0, "c": 0.2, "d": 0.2}, 5: {"a": 0.9, "b": 0.9}}
"""At 5 only the two easy prompts were judged; on these 2 is better."""


def test_scales_are_compared_on_what_all_of_them_were_judged_on(config, tmp_path):
    store, one = Store(tmp_path), replace(config, models={"base": {}}, guidances=(2.0, 5.0))
    for scale, values in UNEVEN.items():
        write_records(store.scores(f"base@{scale}", "validation/storybook"), [
            Score(prompt, 0, "x", value, Evidence(skill="s")) for prompt, value in values.items()])
    assert report.best_guidance(one, store) == {"base": 2.0}


def test_scales_that_share_nothing_choose_nothing(config, tmp_path):
    judged = {scale: [Score(prompt, 0, "x", 0.5, Evidence(skill="s"))]
              for scale, prompt in ((2.0, "a"), (5.0, "b"))}
    assert standings.best_scale(judged) is None and standings.best_scale({}) is None
    store, one = Store(tmp_path), replace(config, models={"base": {}}, guidances=(2.0, 5.0))
    for scale, found in judged.items():
        write_records(store.scores(f"base@{scale:g}", "validation/storybook"), found)
    with pytest.raises(EngineError,
                       match="No guidance scale .*base: .*all its"):
        report.best_guidance(one, store)
