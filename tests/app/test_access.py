"""In the open nobody starts, changes or takes in anything, whatever is posted; looking and voting stay."""
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.components import FormComponent

from app import access, shell
from app.launch import start
from app.tabs.vote.ballot_view import CHOICES
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.prompts import Config, check
from tests.app.visitor import button_of

STARTING = {
    "whole-line", "cancel", "resume", "rename", "delete", "rename-it", "delete-it", "write-prompts", "paint-pictures",
    "train-experts", "evaluate", "save-merge", "paint-grid", "leave-one-out", "search-weights", "adopt-button"}
"""Buttons that start or change something."""
FORMS = {
    "recipe", "prompts-skills", "prompts-count", "images-skills", "images-steps", "experts-skills", "experts-kind",
    "experts-rank", "evaluate-models", "evaluate-split", "evaluate-seed", "merge-name", "grid-x", "grid-x-values",
    "search-generations"}
"""Fields of what is started."""
FOR_VISITORS = {
    "run", "prompts-skill", "prompts-writer", "weight-0", "preset", "merge-method", "merge-method-ties-density",
    "merge-prompt", "merge-guidance", "file-of", "evaluate-table", "vote-duel"}
"""Fields of what is looked at; which options a plugin has is looked at, too."""
EVENT = {"index": 1, "value": "Grid", "selected": True, "cell": 0}
GIVEN = {"dropdown": None, "number": 1, "checkbox": True, "textbox": "a", "browserstate": ""}


@pytest.fixture
def closed(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[gr.Blocks]:
    """The running app as a Space would serve it."""
    monkeypatch.setenv("SPACE_ID", "somebody/selma-studio")
    runs_folder.mkdir()
    demo = shell.build()
    demo.launch(**shell.launch_options(), prevent_thread_lock=True, quiet=True)
    yield demo
    demo.close()


def test_no_post_to_any_listener_makes_anything(closed, runs_folder: Path, example: Store):
    before = files_of(runs_folder) | files_of(example.folder)
    answers = {listener: posted(closed, listener) for listener in closed.fns.values() if listener.fn}
    theirs = {listener for listener in answers if access.is_owner_only(listener.fn)}
    assert {closed.blocks[number].elem_id for one in theirs for number, _ in one.targets} >= STARTING
    for listener in theirs:
        assert access.CLOSED[:40] in answers[listener], f"{listener.name}: {answers[listener][:300]}"
    made = (files_of(runs_folder) | files_of(example.folder)) - before
    assert {path.name for path in made} <= {"example-votes.db", ".voters-secret"}, "votes are counted, and nothing else"


def test_the_page_says_so_and_the_buttons_are_off(closed):
    shown = httpx.get(closed.local_url).text
    assert access.CLOSED.split(":")[0] in shown
    buttons = {block.elem_id: block.interactive for block in closed.blocks.values() if isinstance(block, gr.Button)}
    for button in STARTING:
        assert buttons[button] is False, button
    for button in (*map(button_of, CHOICES), "undo-weights", "another-prompt", "other-noise"):
        assert buttons[button] is not False, button


def test_forms_can_be_read_and_not_filled_in_and_say_why(closed):
    """What only an owner's handler reads; what a visitor's handler reads, too, is his."""
    fields = {block.elem_id: block.interactive for block in closed.blocks.values() if isinstance(block, FormComponent)}
    for field in FORMS:
        assert fields[field] is False, field
    for field in FOR_VISITORS:
        assert fields[field] is not False, field
    read_only = [block for block in closed.blocks.values() if "read-only" in (block.elem_classes or ())]
    assert len(read_only) == 8 and {access.READ_ONLY[:30] in block.value for block in read_only} == {True}


def test_at_home_every_form_can_be_filled_in(demo):
    fields = {block.elem_id: block for block in demo.blocks.values() if isinstance(block, FormComponent)}
    assert all(fields[field].interactive is not False for field in (*FORMS, *FOR_VISITORS))
    assert not [block for block in demo.blocks.values() if "read-only" in (block.elem_classes or ())]


def test_no_file_is_taken_in(closed):
    answer = httpx.post(f"{closed.local_url}gradio_api/upload", files={"files": ("a.safetensors", b"x" * 100)})
    assert answer.status_code == 413


def test_at_home_a_file_may_be_as_large_as_a_lora(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert shell.launch_options()["max_file_size"] == "256mb"


def test_a_handler_that_forgot_is_stopped_where_jobs_start(monkeypatch, started):
    monkeypatch.setenv("SPACE_ID", "somebody/selma-studio")
    with pytest.raises(EngineError, match="open to everybody"):
        start("prompts", "new run", Config, check, skills=("counting",))
    assert not started


def test_pictures_that_are_voted_on_stand_beside_no_name(monkeypatch, studio):
    named = studio.draw("evaluate", "example")["judged"]
    assert "<img" in named and "merged@2" in named
    monkeypatch.setenv("SPACE_ID", "somebody/selma-studio")
    hidden = studio.draw("evaluate", "example")["judged"]
    assert "<img" not in hidden and "merged" not in hidden


def posted(demo: gr.Blocks, listener: Any) -> str:
    """What a raw call answers, by the queue or without it, as whoever reads the page's source would make it."""
    call = {"fn_index": listener._id, "data": [value_of(block) for block in listener.inputs], "event_data": EVENT,
            "session_hash": f"stranger{listener._id}", "trigger_id": (listener.targets or [(None, "")])[0][0]}
    api = f"{demo.local_url}gradio_api/"
    if not listener.queue:
        return httpx.post(f"{api}run/predict", json=call, timeout=60).text
    joined = httpx.post(f"{api}queue/join", json=call, timeout=60)
    assert joined.status_code == 200, joined.text
    with httpx.stream("GET", f"{api}queue/data", params={"session_hash": call["session_hash"]}, timeout=120) as lines:
        for line in lines.iter_lines():
            if "process_completed" in line:
                return json.dumps(json.loads(line.removeprefix("data:"))["output"], ensure_ascii=False)
    raise AssertionError(f"{listener.name} never answered")


def value_of(block: Any) -> Any:
    """What the page would hold: a run's name, what the form says, or something of the right kind."""
    if isinstance(block, gr.State):
        return None
    if block.elem_id == "run":
        return "example"
    value = block.get_config().get("value")
    if value is None and isinstance(block, gr.Dropdown) and block.choices:
        return block.choices[0][1]
    return GIVEN.get(block.get_block_name()) if value is None else value


def files_of(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))
