"""Two processes under torchrun train what one would; only the first of them writes."""
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from engine import experts
from engine.__main__ import main
from engine.core.stopping import guarded
from engine.core.store import Store, write_json
from engine.experts.devices import Devices
from engine.models.lora import expert_files
from tests.experts.worlds import config, paint_pictures

ROOT = Path(__file__).parents[2]


def world(tmp_path, base, **changes):
    store = Store(tmp_path)
    for skill in ("counting", "styles"):
        paint_pictures(store, skill, base)
    return store, config(base, batch_size=3, accumulation=2, **changes)


ONE_THREAD = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def under_torchrun(job):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "engine",
               "experts", str(job)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300,
                          env={**os.environ, **ONE_THREAD})


def in_two_processes(job):
    """As torchrun would start them, without its own process, which costs seconds; what each of them said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = []
    for rank in ("0", "1"):
        environment = {**os.environ, **ONE_THREAD, **common, "RANK": rank, "LOCAL_RANK": rank}
        processes.append(subprocess.Popen([sys.executable, "-m", "engine", "experts", str(job)], cwd=ROOT, text=True,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment))
    return [process.communicate(timeout=300) for process in processes]


def job_of(folder, store, asked):
    write_json(folder / "config.json", {"store": str(store.folder), "config": asdict(asked)})
    return folder


def test_two_processes_train_what_one_would(tmp_path, base):
    alone, asked = world(tmp_path / "alone", base)
    assert list(guarded(experts.run(asked, alone)))[-1].kind == "done"
    both, asked = world(tmp_path / "both", base)
    job = job_of(tmp_path / "job", both, asked)
    ran = under_torchrun(job)
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in (job / "events.jsonl").read_text().splitlines()]
    assert events[-1]["kind"] == "done" and sum(e["kind"] == "done" for e in events) == 1
    assert ran.stdout.count("trained.") == 1, "one process speaks"
    for name in asked.experts:
        ours, theirs = (expert_files.read(store.expert(name)).expert for store in (both, alone))
        for path, factors in theirs.items():
            assert torch.allclose(ours[path].a, factors.a, atol=1e-5)
            assert torch.allclose(ours[path].b, factors.b, atol=1e-5)
        curves = [[json.loads(line) for line in (store.expert(name) / "losses.jsonl").read_text().splitlines()]
                  for store in (both, alone)]
        for one, other in zip(*curves, strict=True):
            for loss in ("train_loss", "held_out_loss"):
                assert one[loss] == (other[loss] and pytest.approx(other[loss], rel=1e-4))


def test_a_stop_reaches_both_and_one_process_goes_on_from_there(tmp_path, base):
    store, asked = world(tmp_path / "run", base, steps=4, checkpoint_every=1000)
    store.expert("any").parent.mkdir(parents=True, exist_ok=True)
    (store.expert("any").parent / "stop").touch()
    job = job_of(tmp_path / "job", store, asked)
    said = in_two_processes(job)
    last = json.loads((job / "events.jsonl").read_text().splitlines()[-1])
    assert last["kind"] == "stopped" and not (store.expert("any").parent / "stop").exists(), said
    assert list(guarded(experts.run(asked, store)))[-1].kind == "done"


def test_other_stages_say_that_they_run_in_one_process(tmp_path, monkeypatch, capsys):
    write_json(tmp_path / "job" / "config.json", {"store": str(tmp_path), "config": {"experts": {"counting": 1.0}}})
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert main(["merge", str(tmp_path / "job")]) == 1
    assert "merge runs in one process" in capsys.readouterr().err


@pytest.mark.parametrize(("rows", "world"), [(8, 1), (8, 3), (1, 2), (5, 5), (2, 4)])
def test_the_shares_are_all_rows_once(rows, world):
    shares = [list(range(rows))[Devices(rank, world).share(rows)] for rank in range(world)]
    assert sum(shares, []) == list(range(rows)) and max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_nothing_is_added():
    tensor = torch.ones(2)
    Devices().add_up([tensor])
    assert torch.equal(tensor, torch.ones(2)) and Devices().any(True) and not Devices().any(False)
