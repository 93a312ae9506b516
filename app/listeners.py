"""How the page's listeners are wired: they take and give values by component, never by position.

A listener's inputs are a set, and its handler gets a mapping. Its answer names the components that
change; the others stay as they are.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

Values = Mapping[Any, Any]
"""What the page holds, by component."""
Updates = dict[Any, Any]
"""What changes on the page, by component."""

QUEUED: dict[str, Any] = {
    "queue": True,
    "concurrency_limit": None,
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""For listeners that a person triggers and that answer at once. Unqueued ones cannot show an error.
"""
UNQUEUED: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""For what the page does by itself, and which tells its errors in the page."""
BROWSER_ONLY: dict[str, Any] = {"fn": None, "api_visibility": "private"}
"""For snippets that ask the server nothing."""


def no_updates() -> Updates:
    """Everything stays as it is. Gradio 6.31 takes an empty dict for one value, and then misses the
    others.
    """
    return gr.skip()
