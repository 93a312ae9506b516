"""Of several processes one works in a run folder, and a dead one is in nobody's way."""
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.core import locks
from engine.core.errors import EngineError

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from engine.core import locks
with locks.working_in(Path(sys.argv[1])):
    print("working", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that works in `tmp_path / "run"`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"working\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_works(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.1)
    assert locks.is_worked_in(tmp_path / "run")
    with pytest.raises(EngineError, match=f"process {holder.pid}\\b.*stop it"):
        with locks.working_in(tmp_path / "run"):
            pytest.fail("two at once")


def test_a_killed_process_leaves_no_lock(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert not locks.is_worked_in(tmp_path / "run")
    with locks.working_in(tmp_path / "run"):
        assert locks.is_worked_in(tmp_path / "run")


def test_threads_of_one_process_take_turns(tmp_path):
    inside, most = [], []

    def work():
        with locks.hold(tmp_path / "lock", 60):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_nothing_is_left_of_a_lock_nor_of_a_folder_made_for_it(tmp_path):
    with locks.working_in(tmp_path / "run"):
        assert os.listdir(tmp_path / "run") == [locks.FILE_NAME]
    assert not (tmp_path / "run").exists()


def test_a_folder_in_which_something_was_made_stays(tmp_path):
    with locks.working_in(tmp_path / "run"):
        (tmp_path / "run" / "a.txt").touch()
    assert os.listdir(tmp_path / "run") == ["a.txt"]


def test_a_folder_where_nothing_can_be_written_is_a_sentence(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(EngineError, match="Choose another folder"), locks.working_in(tmp_path / "run"):
        pytest.fail("in a file")
