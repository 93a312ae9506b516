"""One of a family of plugins with its options: a form per plugin, the chosen one's in sight."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import gradio as gr
from gradio.components import Component

from app.forms.form import Form, form
from app.listeners import QUEUED, Updates, Values
from engine.core import plugins
from engine.core.plugins import PluginChoice, Slot


@dataclass(frozen=True)
class Picker:
    """A dropdown of plugins and a form of each."""

    slot: Slot
    """Of the Config that is filled."""
    choice: gr.Dropdown
    forms: dict[str, Form]
    groups: dict[str, gr.Group]

    @property
    def inputs(self) -> list[Component]:
        """What decides the plugin and its options."""
        components: list[Component] = [self.choice]
        for plugin_form in self.forms.values():
            components += plugin_form.components.values()
        return components

    @property
    def outputs(self) -> list[Any]:
        return [*self.inputs, *self.groups.values()]

    def read(self, values: Values) -> PluginChoice:
        plugin = values[self.choice]
        return PluginChoice(self.slot.family, plugin, self.forms[plugin].read(values))

    def config(self, values: Values) -> dict[str, Any]:
        """What is chosen, as the Config's two options."""
        plugin = self.read(values)
        return {self.slot.option: plugin.name, self.slot.options_in: plugin.options}

    def select(self, plugin: PluginChoice) -> Updates:
        """Choose a plugin and give it its options; those of the others stay. A name that is not
        offered leaves all as it is.
        """
        if plugin.name not in self.forms:
            return {}
        updates = self.forms[plugin.name].fill(plugin.options)
        updates[self.choice] = gr.update(value=plugin.name)
        return updates | self.show_form(plugin.name)

    def restore(self, values: Values) -> Updates:
        """Put the inputs back to what they were."""
        updates = {component: values[component] for component in self.inputs}
        return updates | self.show_form(values[self.choice])

    def show_form(self, plugin: str) -> Updates:
        """The form of one plugin in sight, the others out of it."""
        updates: Updates = {}
        for name, group in self.groups.items():
            updates[group] = gr.update(visible=name == plugin)
        return updates


def pick(stage: str, slot: Slot, value: str) -> Picker:
    """A dropdown of the slot's plugins and below it the chosen one's help and form."""
    names = slot.offered()
    elem_id, label = f"{stage}-{slot.option}", slot.option.capitalize()
    choice = gr.Dropdown(names, value=value, label=label, elem_id=elem_id)
    picker = Picker(slot, choice, {}, {})
    for name in names:
        plugin = plugins.load(slot.family, name)
        with gr.Group(visible=name == value) as group:
            gr.Markdown(first_sentence(plugin), elem_classes="help")
            picker.forms[name] = form(plugin.Config, f"{elem_id}-{name}")
        picker.groups[name] = group

    def show_form(values: Values) -> Updates:
        return picker.show_form(values[choice])

    groups = list(picker.groups.values())
    choice.input(show_form, {choice}, groups, **QUEUED)
    return picker


def first_sentence(plugin: ModuleType) -> str:
    """The first paragraph of a plugin's docstring, with the paper's link wherever it stands."""
    assert plugin.__doc__
    first, *others = plugin.__doc__.strip().split("\n\n")
    words = first.split()
    if "](http" not in first:
        words += _link(others)
    return " ".join(words)


def _link(paragraphs: list[str]) -> list[str]:
    """The first line with a link, in a list; an empty one without any."""
    for paragraph in paragraphs:
        for line in paragraph.splitlines():
            if "](http" in line:
                return [line]
    return []
