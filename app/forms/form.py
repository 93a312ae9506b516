"""A Config dataclass as Gradio components, one per field."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import gradio as gr
from gradio.components import Component

from app.listeners import Updates, Values
from engine.core import plugins

LONGEST_SLIDER = 1000
"""A wider range, or one whose ends differ by a larger factor (a learning rate), gets a number box.
"""
Range = tuple[float, float]


@dataclass(frozen=True)
class Form:
    """Components by the names of the fields they stand for."""

    components: dict[str, Component]

    def read(self, values: Values) -> dict[str, Any]:
        """The page's values by field, for `config.build`."""
        return {name: values[component] for name, component in self.components.items()}

    def fill(self, options: Mapping[str, Any]) -> Updates:
        """Updates that show these options; components of other fields stay."""
        updates: Updates = {}
        for name, component in self.components.items():
            if name in options:
                updates[component] = value_update(options[name])
        return updates


def form(config: type, name: str, leave_out: Collection[str] = ()) -> Form:
    """One component per field, with `name-field` as its id.

    A field's metadata may hold `help`, a sentence, `range`, its lowest and highest value, and
    `in_form`, False for what no visitor may choose. Raises TypeError for a field whose type has no
    component: name it in `leave_out`.
    """
    hints = get_type_hints(config)
    components = {}
    for field in fields(config):
        if field.metadata.get("in_form", True) and field.name not in leave_out:
            components[field.name] = _component(field, hints[field.name], f"{name}-{field.name}")
    return Form(components)


def value_update(value: Any) -> dict[str, Any]:
    """A field's value for its component. A multiselect wraps a tuple once more where it wants a
    list.
    """
    return gr.update(value=list(value) if isinstance(value, tuple) else value)


def _component(field: Field, hint: Any, elem_id: str) -> Component:
    value, kind = _default(field), _without_none(hint)
    label = field.name.replace("_", " ").capitalize()
    look: dict[str, Any] = {
        "label": label,
        "info": field.metadata.get("help"),
        "elem_id": elem_id,
    }
    facts = field.metadata
    # a plugin that has options of its own is chosen in a picker, with their form
    if "family" in facts and "options_in" not in facts:
        names = plugins.slot_of(field).offered()
        return gr.Dropdown(names, value=value, **look)
    if get_origin(kind) is Literal:
        return gr.Dropdown(list(get_args(kind)), value=value, **look)
    if get_origin(kind) is tuple:
        return _list_of_texts(value, look)
    if kind is bool:
        return gr.Checkbox(value, **look)
    if kind is str:
        return gr.Textbox(value, **look)
    bounds = facts.get("range")
    if kind is int:
        return _number(value, bounds, {"step": 1}, {"precision": 0}, look)
    if kind is float:
        return _number(value, bounds, {}, {}, look)
    raise TypeError(f"{field.name}: no component for {kind}; leave it out of the form")


def _without_none(hint: Any) -> Any:
    """The type of an optional field."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    for kind in get_args(hint):
        if kind is not NoneType:
            return kind
    return NoneType


def _list_of_texts(value: Any, look: dict[str, Any]) -> Component:
    texts = list(value or ())
    return gr.Dropdown(texts, value=texts, multiselect=True, allow_custom_value=True, **look)


def _number(
    value: Any,
    bounds: Range | None,
    slider: dict[str, Any],
    box: dict[str, Any],
    look: dict[str, Any],
) -> Component:
    """A slider where there are bounds that it can show, else a number box."""
    if bounds is None:
        return gr.Number(value, **box, **look)
    low, high = bounds
    if value is None or _is_too_wide(low, high):
        return gr.Number(value, minimum=low, maximum=high, **box, **look)
    return gr.Slider(low, high, value, **slider, **look)


def _is_too_wide(low: float, high: float) -> bool:
    return high - low > LONGEST_SLIDER or 0 < low * LONGEST_SLIDER < high


def _default(field: Field) -> Any:
    if field.default is not MISSING:
        return field.default
    return None if field.default_factory is MISSING else field.default_factory()
