"""Writes are whole or not at all: after an error, on a full disk, after a kill."""
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import store
from engine.core.errors import EngineError
from engine.core.types import Prompt

ROOT = Path(__file__).parents[2]
THIS_PROCESS = pytest.param(str(os.getpid()), id="this process")
PROMPTS = [Prompt("counting-1", "counting", "two red balls"), Prompt("counting-2", "counting", "drei Bälle")]


def test_records_come_back_as_they_were(tmp_path):
    path = store.Store(tmp_path).prompts("counting")
    assert store.read_records(path, Prompt) == []
    store.write_records(path, PROMPTS)
    assert store.read_records(path, Prompt) == PROMPTS


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_a_line(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("records") / "prompts.jsonl"
    store.write_records(path, [Prompt("1", "x", text), PROMPTS[0]])
    assert store.read_records(path, Prompt) == [Prompt("1", "x", text), PROMPTS[0]]


def test_a_field_of_a_later_version_is_ignored(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"id": "1", "skill": "x", "text": "a ball", "mood": "calm"}\n')
    assert store.read_records(path, Prompt) == [Prompt("1", "x", "a ball")]


@pytest.mark.parametrize("line", ["{", '{"id": "1"}', "[]", "null"])
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "prompts.jsonl"
    store.write_records(path, PROMPTS)
    with open(path, "a") as file:
        file.write(line + "\n")
    with pytest.raises(EngineError, match="line 3, is damaged"):
        store.read_records(path, Prompt)


def test_bytes_that_are_no_text_are_a_sentence(tmp_path):
    (tmp_path / "prompts.jsonl").write_bytes(b"\xff\xfe{}\n")
    with pytest.raises(EngineError, match="is damaged.*Delete it"):
        store.read_records(tmp_path / "prompts.jsonl", Prompt)


def test_json_that_is_missing_or_damaged_says_what_to_do(tmp_path):
    with pytest.raises(EngineError, match="Run the stage"):
        store.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(EngineError, match="Delete it"):
        store.read_json(tmp_path / "a.json")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file_and_leaves_no_rubbish(tmp_path, monkeypatch, call):
    path = tmp_path / "prompts.jsonl"
    store.write_records(path, PROMPTS)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(EngineError, match="No space left.*Free some space"):
        store.write_records(path, PROMPTS[:1])
    monkeypatch.undo()
    assert store.read_records(path, Prompt) == PROMPTS
    assert [entry.name for entry in tmp_path.iterdir()] == ["prompts.jsonl"]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "prompts").write_text("a file where the folder should be")
    with pytest.raises(EngineError, match="Choose another folder"):
        store.write_records(store.Store(tmp_path).prompts("counting"), PROMPTS)


def test_a_copy_is_whole_or_not_there(tmp_path):
    source, target = tmp_path / "source.bin", tmp_path / "folder" / "target.bin"
    source.write_bytes(b"bytes")
    store.copy(source, target)
    assert target.read_bytes() == b"bytes"
    with pytest.raises(EngineError, match=f"no file {tmp_path / 'nowhere.bin'}"):
        store.copy(tmp_path / "nowhere.bin", target)
    assert [path.name for path in target.parent.iterdir()] == ["target.bin"] and target.read_bytes() == b"bytes"


def test_an_error_while_writing_keeps_the_old_file(tmp_path):
    path = tmp_path / "weights.json"
    store.write_json(path, {"counting": 0.5})
    with pytest.raises(ZeroDivisionError), store.atomic(path) as temporary:
        temporary.write_text("half a fi")
        raise ZeroDivisionError
    assert store.read_json(path) == {"counting": 0.5}
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_killed_while_it_writes_keeps_the_old_file(tmp_path):
    path = tmp_path / "prompts.jsonl"
    store.write_records(path, PROMPTS)
    code = ("import sys, time; from pathlib import Path; from engine.core import store\n"
            "with store.atomic(Path(sys.argv[1])) as temporary:\n"
            "    temporary.write_text('half a li'); print('writing', flush=True); time.sleep(60)")
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout and writer.stdout.readline()
        writer.kill()
    assert store.read_records(path, Prompt) == PROMPTS
    store.write_records(path, PROMPTS[:1])
    assert store.read_records(path, Prompt) == PROMPTS[:1]


def test_a_written_file_can_be_read_by_others(tmp_path):
    store.write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def test_what_a_killed_process_was_writing_is_cleared(tmp_path):
    code = ("import sys, time; from pathlib import Path; from engine.core import store\n"
            "with store.atomic(Path(sys.argv[1])) as temporary:\n"
            "    print('writing', flush=True); time.sleep(600)")
    command = [sys.executable, "-c", code, str(tmp_path / "deep" / "a.json")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout and writer.stdout.readline()
        store.clear_leftovers(tmp_path)
        assert len(list((tmp_path / "deep").iterdir())) == 1, "a living writer's file stays"
        writer.kill()
    store.clear_leftovers(tmp_path)
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize("number", ["1", THIS_PROCESS, "99999999999999999999", "abc", ""])
def test_a_number_that_another_process_has_by_now_keeps_no_leftover(tmp_path, number):
    leftover = tmp_path / f"{store.WRITING}{number}-x.json"
    leftover.touch()
    os.utime(leftover, (0, 0))  # before any process that lives now began
    store.clear_leftovers(tmp_path)
    assert not leftover.exists()
