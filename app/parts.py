"""Components that several tabs have, and updates that several handlers give."""

from collections.abc import Collection, Sequence
from typing import Any

import gradio as gr

from app import access


def main_button(label: str, elem_id: str) -> gr.Button:
    """The button that starts what its tab is for."""
    button = gr.Button(label, variant="primary", elem_id=elem_id)
    access.note()
    return button


def narrow_button(label: str, elem_id: str, min_width: int = 120, **look: Any) -> gr.Button:
    """A button that is no wider than it must be."""
    return gr.Button(label, elem_id=elem_id, min_width=min_width, scale=0, **look)


def short_text(value: str, label: str, elem_id: str, min_width: int = 150) -> gr.Textbox:
    """A text box of one line."""
    return gr.Textbox(value, label=label, elem_id=elem_id, min_width=min_width, max_lines=1)


def figure(elem_id: str) -> gr.Plot:
    """Where a figure will stand; out of sight until there is one."""
    return gr.Plot(
        visible=False,
        show_label=False,
        container=False,
        elem_id=elem_id,
        elem_classes="figure",
    )


def help_text(text: str) -> gr.Markdown:
    """A few sentences before a form."""
    return gr.Markdown(text, elem_classes="help")


def state(value: Any, elem_id: str) -> gr.State:
    """A value that the server keeps for a page, with a name to find it by."""
    component = gr.State(value)
    component.elem_id = elem_id  # its constructor takes none, and the browser never sees it
    return component


def figure_update(drawing: Any) -> dict[str, Any]:
    """A figure, or nothing at all rather than an empty frame."""
    return gr.update(value=drawing, visible=drawing is not None)


def choice_update(choices: Collection[str], value: str | None, **look: Any) -> dict[str, Any]:
    """What a dropdown offers, and which of it is chosen."""
    return gr.update(choices=list(choices), value=value, **look)


def multiselect_update(
    choices: Collection[str], value: Sequence[str], page_value: Sequence[str] | None
) -> dict[str, Any]:
    """A multiselect's choices, and its value only where that is not what the page has sent.

    A drawing takes a moment, and would else undo what somebody has chosen meanwhile.
    """
    if list(value) == list(page_value or ()):
        return gr.update(choices=list(choices))
    return gr.update(choices=list(choices), value=list(value))


def first_or_none(names: Sequence[str]) -> str | None:
    return names[0] if names else None


def one_of(value: str | None, names: Sequence[str]) -> str | None:
    """The value where there is such a name, else the first name."""
    return value if value in names else first_or_none(names)
