"""The table of scores says what the score files say."""
import shutil
from dataclasses import replace

import pytest

from engine.core.evidence import Evidence
from engine.core.store import read_records, write_records
from engine.core.types import Picture, Score
from engine.evaluate import Config, intervals, report, summary
from engine.evaluate.standings import score_tables


def test_every_model_with_its_mean_and_its_distance_to_the_base(example):
    found = {standing.model: standing for standing in score_tables.run_standings(example, "test/storybook")}
    assert list(found) == ["base@3.5", "counting@3.5", "merged@2"]
    ours, base = (summary.per_prompt(read_records(example.scores(model, "test/storybook"), Score))
                  for model in ("merged@2", "base@3.5"))
    assert found["merged@2"].mean == intervals.mean(ours)
    assert found["merged@2"].against_base == intervals.paired_difference(ours, base)
    assert found["base@3.5"].against_base is None
    assert found["merged@2"].by_skill["styles"].value == pytest.approx(found["merged@2"].summary.by_skill["styles"])


def test_the_scale_is_chosen_on_validation_and_only_reported_on_test(tmp_path, example):
    run = type(example)(tmp_path)
    def score(model, split, value):
        write_records(run.scores(model, f"{split}/j"), [
            Score(p, 1, "j", value, Evidence(skill="s", pooled="", text=p)) for p in ("a", "b")])
    for scale, on_validation, on_test in ((2, 0.9, 0.1), (5, 0.3, 0.8)):
        score(f"merged@{scale}", "validation", on_validation)
        score(f"merged@{scale}", "test", on_test)
    assert [s.model for s in score_tables.at_their_best(run, "test/j")] == ["merged@2"]
    assert score_tables.tables(run) == ["test/j", "validation/j"]
    score("mine@3.5", "test", 0.4)
    score("mine@5", "test", 0.2)
    score("late@7", "test", 0.2)
    score("late@9", "validation", 0.9)
    shown = [s.model for s in score_tables.at_their_best(run, "test/j")]
    assert shown == ["late@7", "merged@2", "mine@3.5", "mine@5"], "the test prompts themselves choose nothing"


def test_the_page_and_the_pipeline_choose_the_same_scale(tmp_path, example):
    """At 5 only the two easy prompts were judged; on these 2 is better."""
    run = type(example)(tmp_path)
    for scale, values in ((2, {"a": 1.0, "b": 1.0, "c": 0.2, "d": 0.2}), (5, {"a": 0.9, "b": 0.9})):
        for split in ("validation", "test"):
            write_records(run.scores(f"base@{scale}", f"{split}/j"), [
                Score(prompt, 0, "j", value, Evidence(skill="s", pooled="", text=prompt))
                for prompt, value in values.items()])
    asked = Config(models={"base": {}}, judge="j", guidances=(2.0, 5.0))
    assert report.best_guidance(asked, run) == {"base": 2.0}
    assert [standing.model for standing in score_tables.at_their_best(run, "test/j")] == ["base@2"]
    run.scores("base@2", "test/j").unlink()
    shown = [standing.model for standing in score_tables.at_their_best(run, "test/j")]
    assert shown == ["base@5"], "the one there is"


def test_pictures_of_another_split_are_not_in_the_table(example, tmp_path):
    run = type(example)(shutil.copytree(example.folder, tmp_path / "run"))
    records = read_records(run.pictures("base@3.5") / "metadata.jsonl", Picture)
    write_records(run.pictures("base@3.5") / "metadata.jsonl", [
        *records, replace(records[0], prompt_id="validation-styles-000", text="a striped star")])
    shown = score_tables.pictures(run, ["base@3.5", "merged@2"], "test/storybook")
    assert len(shown) == 9 and "a striped star" not in shown


def test_an_untouched_file_is_read_once_and_a_changed_one_again(tmp_path, example, monkeypatch):
    run = type(example)(tmp_path)
    path = run.scores("base@1", "test/j")
    write_records(path, [Score("a", 1, "j", 0.5, Evidence(skill="s", pooled=""))])
    reads = []
    read = score_tables.score_files.read
    monkeypatch.setattr(score_tables.score_files, "read", lambda path: reads.append(path) or read(path))
    for _ in range(3):
        assert score_tables.run_standings(run, "test/j")[0].summary.macro == 0.5
    once = len(reads)
    assert path in reads
    write_records(path, [Score("a", 1, "j", 1.0, Evidence(skill="s", pooled=""))])
    assert score_tables.run_standings(run, "test/j")[0].summary.macro == 1.0 and len(reads) == 2 * once


def test_the_pictures_stand_beside_their_scores(example):
    rows = score_tables.pictures(example, ["base@3.5", "merged@2"], "test/storybook")
    assert len(rows) == 9 and all([model for model, _, _ in row] == ["base@3.5", "merged@2"] for row in rows.values())
    assert all(file.exists() and score.text == text for text, row in rows.items() for _, file, score in row)
