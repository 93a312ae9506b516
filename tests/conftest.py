"""For every test: no network but the loopback, and no clock that fails it, since the machine may be busy."""
import os
import socket

import pytest
from hypothesis import HealthCheck, settings

import engine  # noqa: F401 - before the libraries, whose chatter it turns off

os.environ["HF_HUB_OFFLINE"] = "1"
settings.register_profile("studio", deadline=None, print_blob=True,
                          suppress_health_check=[HealthCheck.too_slow])  # a clock's verdict, too
settings.load_profile("studio")


@pytest.fixture(autouse=True)
def nothing_leaves_the_machine(monkeypatch):
    """A test that would reach another host fails and says which."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            assert host.startswith("127.") or host in ("localhost", "::1"), f"a request to {host}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
