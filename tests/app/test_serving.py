"""The server comes up on a machine that is so busy that Gradio's own start gives up."""
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app import serving
from engine import jobs

SLOW = """
import time, uvicorn, gradio.networking
startup = uvicorn.Server.startup
async def slow(self, sockets=None):
    time.sleep(5.5)                                   # gradio's thread is given 5 seconds
    await startup(self, sockets)
uvicorn.Server.startup = slow
gradio.networking.url_ok = lambda url: False          # what a request that takes over 3 seconds comes to
"""


def test_it_comes_up_on_a_machine_that_is_busy(tmp_path: Path, runs_folder: Path, example):
    with serving.bind_socket("127.0.0.1", range(1)) as free:
        port = free.getsockname()[1]
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    here = {"PYTHONPATH": str(tmp_path), "GRADIO_SERVER_PORT": str(port), "SELMA_RUNS": str(runs_folder)}
    with open(tmp_path / "log.txt", "wb") as log:
        server = subprocess.Popen([sys.executable, "app.py"], cwd=jobs.ROOT, env=os.environ | here, stdout=log,
                                  stderr=log)
    try:
        page = answer_of(f"http://127.0.0.1:{port}/", server, tmp_path / "log.txt")
        assert "SELMA Studio" in page.text
        config = httpx.get(f"http://127.0.0.1:{port}/config", timeout=60).json()
        assert config["analytics_enabled"] is False and config["show_error"] is True
        for path in ("monitoring", "gradio_api/file=README.md", "file=/etc/hostname"):
            assert httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=60).status_code in (401, 403, 404), path
        with httpx.stream("GET", f"http://127.0.0.1:{port}/gradio_api/heartbeat/a-page", timeout=60) as open_page:
            assert open_page.status_code == 200
            server.send_signal(signal.SIGTERM)
            server.wait(30)  # though a page is open, which holds a connection for ever
    finally:
        server.kill()
        server.wait()


def answer_of(url: str, server: subprocess.Popen, log: Path) -> httpx.Response:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            return httpx.get(url, timeout=60)
        except httpx.ConnectError:
            time.sleep(0.2)
    pytest.fail(f"app.py did not come up:\n{log.read_text()[-2000:]}", pytrace=False)


def test_a_usual_port_that_is_taken_is_passed_over():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        with serving.bind_socket("127.0.0.1", range(first, first + 20)) as own:
            assert own.getsockname()[1] > first


def test_the_port_that_was_asked_for_is_the_only_one(monkeypatch):
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    assert serving.ports() == serving.PORTS
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(taken.getsockname()[1]))
        with pytest.raises(OSError, match="GRADIO_SERVER_PORT to another"):
            serving.bind_socket("127.0.0.1", serving.ports())
