"""Turn a Config dataclass into Gradio components, one a field, named after it."""

from collections.abc import Collection
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import gradio as gr
from gradio.components import Component

from engine.core.errors import EngineError

LONGEST_SLIDER = 1000
"""A wider range, or one whose ends differ by a larger factor (a learning rate), gets a number box.
"""


def form(config: type, leave_out: Collection[str] = ()) -> dict[str, Component]:
    """One component per field, keyed by its name, for `inputs_kwargs`; `config.build` takes the
    values back.

    A field's metadata may hold `help`, a sentence, `range`, its lowest and highest value, what
    `check` reads, and `in_form`, False for what no visitor may choose. Raises TypeError for a field
    whose type has no component: name it in `leave_out`.
    """
    hints = get_type_hints(config)
    return {
        f.name: field_component(f, hints[f.name])
        for f in fields(config)
        if f.metadata.get("in_form", True) and f.name not in leave_out
    }


def check(config: Any) -> None:
    """Raises EngineError for more than a field's metadata lets the app ask for; recipes may ask for
    more.

    `most_in_app` is the highest value, `most_times_in_app` how often something may come in `steps`
    steps.
    """
    for field in fields(config):
        value, most = getattr(config, field.name), field.metadata.get("most_in_app")
        if most is not None and value > most:
            raise EngineError(
                f"{field.name} is {value:,}, and the app starts {most:,} at most. For more, "
                "write a recipe and start it on the command line."
            )
        times = field.metadata.get("most_times_in_app")
        if times and value and config.steps / value > times:
            raise EngineError(
                f"{field.name} is {value:,}, which comes {config.steps // value:,} times in "
                f"{config.steps:,} steps, and the app starts {times:,} at most. Raise it."
            )


def given(value: Any) -> Any:
    """A field's value as its component takes it. A multiselect wraps a tuple once more where it
    wants a list.
    """
    return list(value) if isinstance(value, tuple) else value


def field_component(field: Field, kind: Any) -> Component:
    label, value = field.name.replace("_", " ").capitalize(), _default(field)
    given: dict[str, Any] = {"label": label, "info": field.metadata.get("help")}
    if get_origin(kind) in (Union, UnionType):
        kind = next(choice for choice in get_args(kind) if choice is not type(None))
    if get_origin(kind) is Literal:
        return gr.Dropdown(list(get_args(kind)), value=value, **given)
    if get_origin(kind) is tuple:
        values = list(value or ())
        return gr.Dropdown(values, value=values, multiselect=True, allow_custom_value=True, **given)
    if kind is bool:
        return gr.Checkbox(value, **given)
    if kind in (int, float):
        return _number(value, kind is int, field.metadata.get("range"), given)
    if kind is str:
        return gr.Textbox(value, **given)
    raise TypeError(f"{field.name}: no component for {kind}; leave it out of the form")


def _number(
    value: Any, whole: bool, bounds: tuple[float, float] | None, given: dict[str, Any]
) -> Component:
    if bounds and value is not None and not _too_wide(*bounds):
        return gr.Slider(*bounds, value, step=1 if whole else None, **given)
    low, high = bounds or (None, None)
    return gr.Number(value, minimum=low, maximum=high, precision=0 if whole else None, **given)


def _too_wide(low: float, high: float) -> bool:
    return high - low > LONGEST_SLIDER or 0 < low * LONGEST_SLIDER < high


def _default(field: Field) -> Any:
    if field.default is not MISSING:
        return field.default
    return None if field.default_factory is MISSING else field.default_factory()
