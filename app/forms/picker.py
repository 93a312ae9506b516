"""One of a family of plugins and its options: a form a plugin, the chosen one's in sight."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import gradio as gr
from gradio.components import Component

from app.forms.form import form, given
from app.page import QUIET
from engine.core import plugins


@dataclass(frozen=True)
class Choice:
    """`inputs` are for a listener's `inputs_kwargs`; `read` takes them out of its keywords again.

    `set` makes values for `outputs`.
    """

    kind: str
    options: str
    """The name of the Config's field with the plugin's own options; the plugin's is `kind`."""
    inputs: dict[str, Component]
    groups: dict[str, gr.Group]

    @property
    def outputs(self) -> list[Any]:
        return [*self.inputs.values(), *self.groups.values()]

    def read(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The chosen plugin and its own options by name."""
        name = values[self.kind]
        prefix = f"{self.kind}:{name}:"
        return name, {
            key.removeprefix(prefix): value
            for key, value in values.items()
            if key.startswith(prefix)
        }

    def set(self, name: str, options: Mapping[str, Any]) -> list[Any]:
        """Choose a plugin and give it options; those of the others stay. An empty name leaves all
        as it is.
        """
        if not name:
            return [gr.skip()] * len(self.outputs)
        wanted = {self.kind: name} | {
            f"{self.kind}:{name}:{field}": value for field, value in options.items()
        }
        values = [
            gr.update(value=given(wanted[key])) if key in wanted else gr.skip()
            for key in self.inputs
        ]
        return [*values, *(gr.Group(visible=name == other) for other in self.groups)]

    def back(self, values: Sequence[Any]) -> list[Any]:
        """Values for `outputs` that put the inputs back to what they were."""
        return [*values, *(gr.Group(visible=values[0] == name) for name in self.groups)]

    def rest(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords that belong to nobody in the family."""
        return {key: value for key, value in values.items() if key not in self.inputs}


def choose(
    kind: str,
    options: str,
    family: ModuleType,
    value: str,
    wanted: Callable[[ModuleType], bool] = lambda _: True,
) -> Choice:
    """A dropdown of the plugins and below it the chosen one's help and form."""
    found = {name: plugins.load(family, name) for name in plugins.names(family)}
    found = {name: plugin for name, plugin in found.items() if wanted(plugin)}
    picked = gr.Dropdown(list(found), value=value, label=kind.capitalize())
    inputs: dict[str, Component] = {kind: picked}
    groups = {}
    for name, plugin in found.items():
        with gr.Group(visible=name == value) as group:
            gr.Markdown(first_sentence(plugin), elem_classes="help")
            inputs |= {
                f"{kind}:{name}:{field}": component
                for field, component in form(plugin.Config).items()
            }
        groups[name] = group
    picked.input(
        lambda name: [gr.Group(visible=name == other) for other in found],
        picked,
        [*groups.values()],
        **QUIET,
    )
    return Choice(kind, options, inputs, groups)


def first_sentence(plugin: ModuleType) -> str:
    """The first paragraph of a plugin's docstring, with the paper's link wherever it stands."""
    assert plugin.__doc__
    first, *others = plugin.__doc__.strip().split("\n\n")
    links = [
        line
        for part in others
        for line in part.splitlines()
        if "](http" in line and "](http" not in first
    ]
    return " ".join([*first.split(), *links[:1]])
