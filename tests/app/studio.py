"""The built page without a browser: its listeners and tabs, called with values by element id."""
from collections.abc import Mapping
from functools import cache
from typing import Any

import gradio as gr

from app import shell
from app.refresh import Refresh

Given = Mapping[str, Any]


class Studio:
    """Does with a page what its browser does: sends every value a listener wants, takes what comes."""

    def __init__(self, demo: gr.Blocks) -> None:
        self.demo = demo
        self.blocks = {block.elem_id: block for block in demo.blocks.values() if block.elem_id}

    def press(self, elem_id: str, given: Given, event: str = "click", **special: Any) -> dict[str, Any]:
        """What the last answer of an element's one listener changes; `special` is what Gradio itself adds."""
        listener, = self.listeners(elem_id, event)
        return answer(listener, given, **special)

    def listeners(self, elem_id: str, event: str) -> list[Any]:
        """Those of an element that ask the server."""
        target = (self.blocks[elem_id]._id, event)
        return [listener for listener in self.demo.fns.values() if listener.fn and target in listener.targets]

    def draw(self, tab: str, run: str, given: Given | None = None) -> dict[str, Any]:
        """What a tab shows of a run."""
        shown = self.refresh.tabs[tab]
        updates = shown.show(run, values(shown.inputs, given or {}))
        return by_id(updates, shown.outputs)

    @property
    def refresh(self) -> Refresh:
        listener, = (one for one in self.demo.fns.values() if one.name == "tick")
        return listener.fn.__self__


@cache
def whole_page() -> Studio:
    """The app's, which knows no run until one is drawn."""
    return Studio(shell.build())


def answer(listener: Any, given: Given, **special: Any) -> dict[str, Any]:
    """What a listener's last answer changes, by element id."""
    arguments = [values(listener.inputs, given)] if listener.inputs else []
    assert listener.inputs_as_dict or not listener.inputs, f"{listener.name} takes its values by position"
    answered = listener.fn(*arguments, **special)
    last = answered if isinstance(answered, dict) else list(answered)[-1]
    return by_id(last, listener.outputs)


def values(inputs: Any, given: Given) -> dict[Any, Any]:
    """By component: the given ones, and for the others what an untouched page sends."""
    wanted = {component.elem_id: component for component in inputs}
    assert None not in wanted, f"a component without an id among {list(wanted)}"
    assert given.keys() <= wanted.keys(), f"{given.keys() - wanted.keys()} are not among {sorted(wanted)}"
    return {component: given[name] if name in given else untouched(component) for name, component in wanted.items()}


def untouched(component: Any) -> Any:
    return component.default_value if isinstance(component, gr.BrowserState) else component.value


def by_id(updates: dict[Any, Any], outputs: Any) -> dict[str, Any]:
    """As Gradio takes them: nothing for a skip, and only of components that the listener may change."""
    if updates == gr.skip():
        return {}
    assert updates, "Gradio takes an empty answer for a value"
    strangers = set(updates) - set(outputs)
    assert not strangers, f"{strangers} are no outputs"
    return {component.elem_id or str(component._id): update for component, update in updates.items()}
