"""What an evaluation by a judge of one's own tells: its table, its means, and how its settings changed."""
import pytest

from engine import cli, judges
from engine.cli import runs as runs_command
from engine.cli import stages
from engine.core.evidence import Evidence
from engine.core.provenance import OtherSettings
from engine.core.store import Store, write_json, write_records
from engine.core.types import Score
from engine.evaluate import Config, report, score_files, score_recipes
from engine.evaluate.standings import score_tables
from tests.plugin_files import install

REDNESS = '''"""The mean of the red. [Toy](https://example.org/toy)"""
from dataclasses import dataclass
SCALE = (0.0, 255.0)
@dataclass(frozen=True)
class Config:
    margin: int = 60
def judge(config):
    raise AssertionError
'''
TABLE = "validation/redness"
READ = Evidence(skill="counting")
UNREAD = Evidence(skill="styles", unscored="no style")


@pytest.fixture(autouse=True)
def redness(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    return install(judges, "redness", REDNESS, tmp_path / "own", monkeypatch)


@pytest.fixture
def run(tmp_path):
    """Two models; of the base the judge could read one picture in two."""
    store = Store(tmp_path / "runs" / "demo")
    counted = Score("a", 1, "redness", 45.0, READ)
    write_records(store.scores("base@1", TABLE), [counted, Score("b", 1, "redness", None, UNREAD)])
    write_records(store.scores("merged@1", TABLE), [Score("a", 1, "redness", 50.0, READ)])
    return store


def columns(text):
    """The heads of a table in text, and its rows by the arm."""
    head, *rows = text.splitlines()
    return head, {row.split()[0]: row for row in rows}


def test_a_table_heads_the_mean_by_what_the_judge_declares_and_counts_the_unscored(run):
    head, rows = columns(report.table(score_tables.run_standings(run, TABLE), "redness"))
    assert head.split() == "arm guidance counting mean diversity floor scored mean to base".split()
    assert "45.000" in rows["base"] and "1 of 2" in rows["base"] and "1 of 1" in rows["merged"]


def test_nothing_is_said_of_unscored_pictures_where_there_are_none(run):
    write_records(run.scores("base@1", TABLE), [Score("a", 1, "redness", 45.0, READ)])
    assert "scored" not in report.table(score_tables.run_standings(run, TABLE), "redness")


def test_the_storybook_judges_table_has_all_its_columns(run):
    head, _ = columns(report.table([], "storybook"))
    assert head.split() == "arm guidance DSG SELMA's exact flagged diversity floor DSG to base".split()


def mean_text(run, model):
    files = score_files.ScoreFiles(run, model, TABLE, {})
    for score in score_files.read(files.path):
        files.scores[score.key] = score
    return files.mean_text()


def test_a_mean_says_of_how_many_pictures_it_is(run):
    write_records(run.scores("mute@1", TABLE), [Score("b", 1, "redness", None, UNREAD)])
    texts = [mean_text(run, model) for model in ("base@1", "merged@1", "mute@1", "nobody@1")]
    assert texts == ["45.000 (1 of 2)", "50.000", "unscored", "not judged yet"]


def test_a_run_is_shown_with_its_scores(run, monkeypatch, capsys):
    monkeypatch.setenv("SELMA_RUNS", str(run.folder.parent))
    assert runs_command.show_run("demo") == 0
    shown = capsys.readouterr().out
    assert shown.endswith(f"scores, {TABLE}\n{report.table(score_tables.run_standings(run, TABLE), 'redness')}\n")


def test_a_damaged_table_is_told_and_the_rest_is_shown(run, monkeypatch, capsys):
    monkeypatch.setenv("SELMA_RUNS", str(run.folder.parent))
    write_records(run.scores("base@1", "test/redness"), [Score("a", 1, "redness", 999.0, READ)])
    assert runs_command.show_run("demo") == 1
    told = capsys.readouterr()
    assert f"scores, {TABLE}" in told.out and "999" in told.err


def test_an_evaluation_on_the_command_line_ends_with_its_table(run, monkeypatch, capsys):
    monkeypatch.setattr(stages, "_events", lambda stage, values, folder: iter(()))
    assert cli.main(["evaluate", str(run.folder), "judge=redness"]) == 0
    assert capsys.readouterr().out.endswith(
        report.table(score_tables.run_standings(run, TABLE), "redness") + "\n"
    )


class Weights:
    fingerprint, hashes = "abc", {}


def shared(**judge_options):
    return score_recipes._shared(Config(judge="redness", judge_options=judge_options), {}, Weights())


def test_an_option_of_the_judge_that_was_not_given_is_at_its_default(tmp_path):
    record = tmp_path / "recipe.json"
    write_json(record, {"recipe": shared()})
    assert not score_recipes.is_other(record, shared(margin=60), "base@1", may_replace=False)
    with pytest.raises(OtherSettings, match=r"margin 60 -> 100.*replace=true"):
        score_recipes.is_other(record, shared(margin=100), "base@1", may_replace=False)


def test_records_hold_the_judges_options_that_were_given_alone():
    assert "judge's margin" not in shared() and shared(margin=60)["judge's margin"] == 60
