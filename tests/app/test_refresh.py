"""The page stays up to date: the open tab is redrawn, when there is something new."""
import gradio as gr
import pytest

from app import run_bar, scripts
from app.refresh import OPEN_TAB, Refresh
from app.tab import Tab
from engine.core import store
from engine.core.errors import EngineError
from engine.jobs import progress
from tests.app.studio import by_id, values


class Watch:
    """A page of two tabs; the first shows its run and its input."""

    def __init__(self, show=None):
        with gr.Blocks():
            bar = run_bar.build()
            text, first, second = (gr.Textbox(elem_id=name) for name in ("text", "first", "second"))
            tabs = {"a": Tab({text}, [first], show or (lambda run, given: {first: f"{run} {given[text]}"})),
                    "b": Tab(set(), [second], lambda run, given: {second: "b"})}
            self.refresh = Refresh(bar, tabs)

    def does(self, what, run="mine", tab="a", seen=""):
        given = values(self.refresh.inputs, {"run": run, "open-tab": tab, "mark": seen, "text": "in"})
        return by_id(getattr(self.refresh, what)(given), self.refresh.outputs)


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr(progress, "mark", lambda run: f"mark of {run}")
    return Watch()


def test_only_the_open_tab_is_redrawn(watch):
    drawn = watch.does("redraw")
    assert drawn["mark"] == "mark of mine" and drawn["first"] == "mine in" and "second" not in drawn
    assert {"progress", "cancel", "resume"} <= drawn.keys()
    opened = watch.does("open", tab="b")
    assert opened["second"] == "b" and "first" not in opened


def test_a_tick_draws_only_when_something_is_new(watch):
    assert watch.does("tick", seen="other")["first"] == "mine in"
    assert watch.does("tick", seen="mark of mine") == watch.does("tick", run=None) == {}


def test_before_a_run_is_chosen_there_is_nothing(watch):
    assert watch.does("redraw", run=None) == {"mark": ""}


def test_which_tab_is_open_is_read_from_the_page_and_never_set(demo):
    """A slow drawing that ends late must not bring an older tab back."""
    drawing = [fn for fn in demo.fns.values() if isinstance(getattr(fn.fn, "__self__", None), Refresh)
               and fn.name in ("tick", "redraw", "open")]
    assert len(drawing) == 3
    for listener in drawing:
        open_tab = listener.fn.__self__.open_tab
        assert listener.js == scripts.reading(listener.inputs, {open_tab: OPEN_TAB})
    assert not [fn for fn in demo.fns.values() if open_tab in fn.outputs]


@pytest.mark.parametrize("error, words, is_bug", [
    (EngineError("recipe.json is damaged. Delete it."), "recipe.json is damaged", False),
    (KeyError("experts"), "KeyError", True)])
def test_a_drawing_that_fails_is_told_once_and_where_the_progress_stands(monkeypatch, capsys, error, words, is_bug):
    def damaged(*_):
        raise error
    monkeypatch.setattr(progress, "mark", lambda run: "mark")
    watch = Watch(damaged)
    drawn = watch.does("redraw")
    assert 'role="alert"' in drawn["progress"] and words in drawn["progress"]
    assert drawn["delete"]["visible"], "a damaged run can be deleted"
    assert watch.does("tick", seen=drawn["mark"]) == {}
    assert ("Traceback" in capsys.readouterr().err) is is_bug


def test_jobs_that_cannot_be_read_are_told_once(monkeypatch):
    def unreadable(run):
        raise PermissionError("jobs")
    monkeypatch.setattr(progress, "mark", unreadable)
    monkeypatch.setattr(run_bar, "last_job", unreadable)
    watch = Watch()
    drawn = watch.does("tick")
    assert "PermissionError" in drawn["progress"] and watch.does("tick", seen=drawn["mark"]) == {}


@pytest.mark.parametrize("asked, run", [
    ({}, "example"), ({"run": "mine"}, "mine"), ({"run": "gone"}, "example"), ({"run": "../x"}, "example"),
    ({"run": "new run"}, "new run")])
def test_a_page_comes_back_to_the_run_of_its_address(watch, runs_folder, asked, run):
    store.write_text(runs_folder / "mine" / "recipe.toml", "")
    choice, = watch.refresh.first_look(gr.Request(query_params=asked)).values()
    assert choice["value"] == run and run in choice["choices"]
