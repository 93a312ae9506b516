"""Snippets of JavaScript for listeners: the page gives them their values as a list.

This is the only place that knows its order, which is that in which the components were made:
Gradio sorts a listener's set of inputs so.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from gradio.blocks import Block
from gradio.components import Component


def in_order(inputs: Iterable[Component]) -> list[Component]:
    """Components in the order in which a snippet gets their values."""
    return sorted(inputs, key=_number)


def reading(inputs: Collection[Component], expressions: Mapping[Component, str]) -> str:
    """A snippet that passes the values of `inputs` on; those of some are read from the page.

    `expressions` says by component what to read, as JavaScript.
    """
    order = in_order(inputs)
    steps = ""
    for component, expression in expressions.items():
        place = order.index(component)
        steps += f"values[{place}] = {expression}; "
    return f"(...values) => {{ {steps}return values; }}"


def call(function: str, inputs: Collection[Component], arguments: Sequence[Component]) -> str:
    """A snippet that calls a JavaScript function with the values of `arguments`, in their order."""
    order = in_order(inputs)
    places = [order.index(component) for component in arguments]
    values = f"{json.dumps(places)}.map(place => values[place])"
    return f"(...values) => ({function})(...{values})"


def _number(component: Block) -> int:
    """Blocks are numbered as they are made."""
    return component._id
