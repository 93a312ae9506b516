"""Assemble the page: the header, the tabs in pipeline order, and how it is served."""

import importlib
from pathlib import Path
from typing import Any

import gradio as gr

from app import access, refresh, refusals, run_bar, theme
from app.show import markup
from app.tab import Tab
from app.tabs import TABS
from app.tabs.vote import ballot_view

STYLE = Path(__file__).with_name("style.css")
NAME = "SELMA Studio"
MOST_WAITING = 2048
"""Presses that wait for their turn. A page that opens asks ten things at once."""
SENTENCE = (
    "Teach a text-to-image model new skills with data it makes itself: a language model writes "
    "prompts, the model paints them, one LoRA per skill learns from the pictures, and the experts "
    "are merged into one."
)
PIPELINE = {
    "skill": "what to learn",
    "prompts": "an LLM writes, ROUGE-L keeps the new ones",
    "images": "the model paints them",
    "experts": "a LoRA per skill",
    "merge": "slide the weights",
    "evaluate": "judges score",
    "votes": "people choose",
}


def build() -> gr.Blocks:
    """The whole app. Imports the tabs, so a broken one fails here and not on a click."""
    with refusals.Studio(title=NAME, analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        gr.HTML(header(), elem_id="header")
        if access.is_public():
            gr.HTML(markup.notice(access.CLOSED), elem_id="closed")
        bar = run_bar.build()
        tabs: dict[str, Tab] = {}
        opened: dict[str, gr.Tab] = {}
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            for name in TABS:
                module = importlib.import_module(f"app.tabs.{name}")
                with gr.Tab(module.TITLE, id=name) as opened[name]:
                    tabs[name] = module.build(bar.run)
        for tab in tabs.values():
            for component in tab.unseen:
                component.render()
        access.close(demo)  # before `refresh`, which reads every field whoever it is for
        refresh.wire(demo, refresh.Refresh(bar, tabs), opened)
    return demo.queue(max_size=MOST_WAITING, default_concurrency_limit=8)


def header() -> str:
    steps = ""
    for name, what in PIPELINE.items():
        steps += f"<li><b>{name}</b><span>{what}</span></li>"
    pipeline = f'<ol class="pipeline" aria-label="The pipeline">{steps}</ol>'
    return f"<h1>{NAME}</h1><p>{SENTENCE}</p>{pipeline}"


def launch_options() -> dict[str, Any]:
    """Options for `Blocks.launch`: the look, and the doors that stay shut.

    No folder is opened to the browser (a run also holds votes.db): views hand pictures over as
    pixels. The log of calls, the monitoring page and server-side rendering, which wants Node, are
    off. Address and port come from GRADIO_SERVER_NAME and GRADIO_SERVER_PORT.
    """
    return {
        "theme": theme.calm(),
        "css_paths": [STYLE],
        "head": ballot_view.SCRIPT + refresh.SCRIPT + refusals.SCRIPT,
        "footer_links": ["settings"],
        "max_file_size": access.upload_limit(),
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "mcp_server": False,
        "share": False,
    }
