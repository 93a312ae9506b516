"""A run is renamed and deleted in the app, never the example, and never under a job's hands."""
import pytest

from engine import jobs, runs
from engine.core import store
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import write_text
from engine.jobs import Job
from engine.runs import voting
from engine.votes.ledger import Ledger


@pytest.fixture
def mine(runs_folder):
    write_text(runs_folder / "mine" / "prompts" / "places.jsonl", "")
    Ledger(runs.votes_url("mine")).votes()
    return runs_folder / "mine"


@pytest.fixture
def working(runs_folder, monkeypatch):
    monkeypatch.setattr(jobs, "running_job", lambda: Job(runs_folder, "mine", "images", "running", None))


@pytest.fixture
def renames(studio):
    def rename(run, name, about=None):
        return studio.press("rename-it", {"run": run, "about-run": about or run, "new-name": name})
    return rename


@pytest.fixture
def deletes(studio):
    return lambda run, about=None: studio.press("delete-it", {"run": run, "about-run": about or run})


@pytest.fixture
def presses(studio, renames, deletes):
    """Every press that has to do with another name or an end, each for a run."""
    return {"ask for a name": lambda run: studio.press("rename", {"run": run}),
            "ask to delete": lambda run: studio.press("delete", {"run": run}),
            "rename": lambda run: renames(run, "x"), "delete": deletes}


PRESSES = ("ask for a name", "ask to delete", "rename", "delete")


def hidden_rows(changed):
    """How many of the two questions go out of sight."""
    return sum(update == {"__type__": "update", "visible": False} for update in changed.values())


def test_a_run_keeps_all_it_holds_under_another_name(mine, runs_folder, renames):
    changed = renames("mine", " thesis ")
    assert changed["run"]["value"] == "thesis" and "mine" not in changed["run"]["choices"]
    assert hidden_rows(changed) == 2
    assert not mine.exists() and (runs_folder / "thesis" / "prompts" / "places.jsonl").exists()
    assert (runs_folder / "thesis" / "votes.db").exists()


def test_a_deleted_run_is_gone_with_its_votes_and_nothing_else_is(mine, runs_folder, studio, deletes):
    write_text(runs_folder / "other" / "prompts" / "places.jsonl", "")
    asked = studio.press("delete", {"run": "mine"})
    assert hidden_rows(asked) == 1 and asked["about-run"] == "mine"
    assert "Delete mine for good?" in asked["upkeep-question"] and "its votes" in asked["upkeep-question"]
    changed = deletes("mine")
    assert changed["run"]["value"] == "other" and changed["run"]["choices"] == ["other", "example", runs.NEW]
    assert [path.name for path in runs_folder.iterdir()] == ["other"]


def test_leaving_it_hides_both_questions(studio):
    for button in ("leave-name", "keep-run"):
        assert hidden_rows(studio.press(button, {})) == 2


def test_a_name_that_is_given_again_has_votes_of_its_own(mine, renames):
    """A ledger that is still open would count into the folder that had the name before."""
    before = voting.open_ledger("mine")
    renames("mine", "thesis")
    assert voting.open_ledger("mine") is not before


@pytest.mark.parametrize("run, words", [
    ("example", "The example belongs to the app"), ("new run", "belongs to the app"), ("gone", "no run .*gone")])
@pytest.mark.parametrize("press", PRESSES)
def test_what_belongs_to_the_app_stays(presses, example, press, run, words):
    with pytest.raises(EngineError, match=words):
        presses[press](run)
    assert (example.folder / "recipe.toml").exists()


@pytest.mark.parametrize("press", PRESSES)
def test_a_working_run_is_left_alone(mine, working, presses, press):
    with pytest.raises(EngineError, match="images is still working on"):
        presses[press]("mine")
    assert mine.is_dir()


@pytest.mark.parametrize("name, words", [
    ("../x", "cannot name a run"), ("", "cannot name a run"), ("other", "is taken"), ("example", "is taken"),
    ("recipes", "is taken")])
def test_a_name_that_will_not_do_changes_nothing(mine, runs_folder, renames, name, words):
    write_text(runs_folder / "other" / "prompts" / "places.jsonl", "")
    with pytest.raises(EngineError, match=words):
        renames("mine", name)
    assert mine.is_dir() and (runs_folder / "other").is_dir()


@pytest.mark.parametrize("button", ["rename-it", "delete-it"])
@pytest.mark.parametrize("about", ["older", ""])
def test_the_answer_counts_for_the_run_that_was_asked_about(mine, studio, button, about):
    with pytest.raises(EngineError, match="mine is chosen now"):
        given = {"run": "mine", "about-run": about}
        studio.press(button, given | ({"new-name": "x"} if button == "rename-it" else {}))
    assert mine.is_dir()


def test_a_run_whose_jobs_came_to_nothing_is_not_offered(mine, runs_folder):
    failed = runs_folder / "failed-1"
    store.write_json(failed / "jobs" / "0001-pipeline" / "config.json", {"config": {}})
    ended = Event("There is no model.", kind="error")
    store.write_records(failed / "jobs" / "0001-pipeline" / "events.jsonl", [ended])
    assert "failed-1" not in runs.run_names() and "mine" in runs.run_names()
    assert "failed-1" in runs.run_names("failed-1"), "as long as it is the one that is shown"
    write_text(failed / "recipe.toml", "")
    assert "failed-1" in runs.run_names(), "it may go on"
