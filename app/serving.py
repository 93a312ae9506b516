"""Serve the page, however busy the machine is.

`Blocks.launch` ends the server when its thread takes over 5 seconds to start, or when its own
request to itself takes over 3 ("localhost is not accessible"). Here the server has the main thread,
and nobody asks whether it is there.
"""

import os
import socket

import gradio as gr
import uvicorn
from fastapi import FastAPI

from app import shell

PORTS = range(7860, 7960)
LEAVE_TAKING_SECONDS = 1
"""How long an end waits for answers on their way. Every open page holds a connection that never
ends by itself.
"""
ONLY_LAUNCHED = ("share",)
"""Options of `launch` that a server of one's own does not have."""


def serve(demo: gr.Blocks) -> None:
    """Until it is interrupted. Raises OSError where the port, or every usual one, is taken."""
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    listening = bind_socket(host, ports())
    port = listening.getsockname()[1]
    app = _application(demo, host, port)
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=LEAVE_TAKING_SECONDS
    )
    # Where to look, as `launch` says it.
    print(f"* Running on http://{host}:{port}", flush=True)  # noqa: T201
    uvicorn.Server(config).run(sockets=[listening])


def _application(demo: gr.Blocks, host: str, port: int) -> FastAPI:
    options = shell.launch_options()
    for name in ONLY_LAUNCHED:
        del options[name]
    return gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        demo,
        path="",
        server_name=host,
        server_port=port,
        root_path=os.environ.get("GRADIO_ROOT_PATH"),
        show_error=True,
        **options,
    )


def ports() -> range:
    """The one that GRADIO_SERVER_PORT names, else the usual ones in turn."""
    port = os.environ.get("GRADIO_SERVER_PORT")
    return range(int(port), int(port) + 1) if port else PORTS


def bind_socket(host: str, among: range) -> socket.socket:
    """A socket that holds the first free port, so that no other program takes it meanwhile."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in among:
        try:
            return socket.create_server((host.strip("[]"), port), family=family)
        except OSError as error:
            taken = error
    ports = f"{among.start} to {among.stop - 1}"
    raise OSError(
        f"No port of {ports} is free on {host} ({taken.strerror}). Set GRADIO_SERVER_PORT to "
        "another one."
    ) from taken
