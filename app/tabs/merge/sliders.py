"""The left side of the merge tab: a slider an expert, the method, presets, a way back, and what is
saved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from app import access, page
from app.forms.picker import Choice, choose
from app.page import QUIET
from app.show import markup
from app.tabs.merge import undo_steps
from engine import merge, runs
from engine.core.errors import EngineError
from engine.core.store import Store, read_object
from engine.merge import Config, methods
from engine.merge.presets import Preset, presets
from engine.runs import contents
from engine.runs.contents import Contents

MOST_EXPERTS = 12
LOWEST, HIGHEST = -1.0, 2.0
"""Of a slider; a weight beyond that makes its slider longer."""
PRESETS = "A preset, or a merge saved before"


@dataclass(frozen=True)
class Bank:
    """The left side: a slider an expert, and how they are merged."""

    preset: gr.Dropdown
    undo: gr.Button
    sliders: list[gr.Slider]
    method: Choice
    name: gr.Textbox
    save: gr.Button
    saved: gr.HTML

    @property
    def weighed(self) -> dict[str, Component]:
        """What decides the merge, for `inputs_kwargs`."""
        return {
            **{f"weight_{n}": slider for n, slider in enumerate(self.sliders)},
            **self.method.inputs,
        }


@dataclass(frozen=True)
class Way:
    """Listeners of the way back."""

    begin: dict[str, Any]
    """Everything is as it is now, and there is no way back from it."""
    step: dict[str, Any]
    """Something has moved."""


def build() -> Bank:
    with gr.Row(elem_classes="bar"):
        preset = gr.Dropdown(
            [], value=None, label="Weights", info=PRESETS, min_width=180, elem_id="preset"
        )
        undo = gr.Button("Undo", min_width=80, scale=0, elem_id="undo-weights")
    sliders = [
        gr.Slider(
            LOWEST,
            HIGHEST,
            1,
            step=0.05,
            label=f"expert {n}",
            visible=False,
            elem_id=f"weight-{n}",
            buttons=[],
        )
        for n in range(MOST_EXPERTS)
    ]
    method = choose("method", "options", methods, "average")
    with gr.Row(elem_classes="bar"):
        name = gr.Textbox(
            "my-merge", label="Save as", elem_id="merge-name", min_width=140, max_lines=1
        )
        save = gr.Button("Save", variant="primary", elem_id="save-merge", min_width=80, scale=0)
    return Bank(preset, undo, sliders, method, name, save, gr.HTML(elem_id="merges"))


def wire(
    run: gr.Dropdown,
    experts: gr.State,
    bank: Bank,
    asked: Mapping[str, Component],
    follow: dict[str, Any],
) -> Way:
    """Save, presets, and a way back, which others begin and go on."""
    method = bank.method
    guidance: Any = asked[
        "guidance"
    ]  # a grid's cell brings its own, which goes back with the weights

    @page.told()
    @access.only
    def merged(run: str, experts: list[str], name: str, **values: Any) -> dict[str, Any]:
        chosen, options = method.read(values)

        def check(asked: Config) -> None:
            merge.check(asked)
            merge.folder_for(asked, runs.open_store(run))

        return page.start(
            "merge",
            run,
            Config,
            check,
            experts=weights_of(experts, values),
            name=name.strip(),
            method=chosen,
            options=options,
        )

    @page.told()
    def preset_of(run: str, experts: list[str], name: str | None) -> list[Any]:
        chosen = known_presets(run, experts).get(name or "")
        if chosen is None:
            return [gr.skip()] * (1 + MOST_EXPERTS + len(method.outputs))
        return [
            gr.update(info=chosen.about),
            *slid(experts, chosen.weights),
            *method.set(chosen.method, chosen.options),
        ]

    def undone(way: str) -> list[Any]:
        if not (then := undo_steps.stood(way)):
            return [gr.skip()] * (1 + MOST_EXPERTS + 1 + len(method.outputs))
        weights, (scale, *way_to_merge) = then[:MOST_EXPERTS], then[MOST_EXPERTS:]
        none_chosen = gr.update(value=None, info=PRESETS)
        return [none_chosen, *map(at, weights), scale, *method.back(way_to_merge)]

    stand: list[Component] = [*bank.sliders, guidance, *method.inputs.values()]
    way = gr.Textbox(visible="hidden", elem_id="way-back")
    here: dict[str, Any] = {"fn": None, "outputs": way, **QUIET}
    step = {**here, "js": undo_steps.step(stand), "inputs": [way, *stand]}
    moving: list[Any] = stand
    gr.on([one.input for one in moving], **step)
    letting_go = [one.release for one in moving if isinstance(one, gr.Slider)]
    gr.on(letting_go, js=undo_steps.END, inputs=way, **here)
    bank.save.click(merged, inputs_kwargs={**asked, "name": bank.name}, outputs=run, **QUIET)
    stood = [bank.preset, *bank.sliders, guidance, *method.outputs]
    bank.undo.click(js=undo_steps.BACK, inputs=way, **here).then(
        undone, way, stood, trigger_mode="always_last", **QUIET
    ).then(**follow)
    bank.preset.input(
        preset_of,
        [run, experts, bank.preset],
        [bank.preset, *bank.sliders, *method.outputs],
        **QUIET,
    ).then(**step).then(**follow)
    return Way({**here, "js": undo_steps.START, "inputs": stand}, step)


def known_presets(run: str, experts: Sequence[str]) -> dict[str, Any]:
    """The named ones, then the run's saved merges."""
    store = runs.open_store(run)
    found = dict(presets(experts, contents.base_model(store))) if experts else {}
    for name, made in saved(store)[0].items():
        found[name] = Preset(
            made["method"], made.get("options") or {}, made["experts"], "a merge saved before"
        )
    for result in sorted(store.folder.glob("searches/*/result.json")):
        found[result.parent.name] = Preset(
            "weighted", {"strength": 1.0}, _searched(result), "what a search found on validation"
        )
    return found


def saved(store: Store) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The recipes of the run's merges by name, and a sentence for each that is damaged."""
    recipes, damaged = {}, []
    for name in contents.summary(store).merges:
        try:
            recipes[name] = contents.recipe(store.merge(name))
        except EngineError as error:
            damaged.append(str(error))
    return recipes, damaged


def _searched(result: Path) -> dict[str, float]:
    """Raises EngineError where a search's result names no weights."""
    return read_object(result, weights=dict[str, float])["weights"]


def saved_view(run: str, found: Contents) -> str:
    """The run's merges with what they were made of; and which experts have no slider."""
    recipes, damaged = saved(runs.open_store(run))
    made = {
        name: f"{recipe['method']} of "
        + ", ".join(f"{e} {w:.3g}" for e, w in recipe["experts"].items())
        for name, recipe in recipes.items()
    }
    without = found.experts[MOST_EXPERTS:]
    told = (
        markup.aside(
            f"There are sliders for the first {MOST_EXPERTS} experts. Without one: "
            f"{', '.join(without)}. "
            "The command line merges any number."
        )
        if without
        else ""
    )
    told += "".join(map(markup.aside, damaged))
    return told + (markup.named("Saved merges", made) if made else "")


def weights_of(experts: Sequence[str], values: Mapping[str, Any]) -> dict[str, float]:
    """By name: the sliders in sight are those of `experts`, in this order."""
    return {name: float(values[f"weight_{n}"]) for n, name in enumerate(experts)}


def slid(experts: Sequence[str], weights: Mapping[str, float]) -> list[Any]:
    """Values for all sliders; an expert that is not named gets none."""
    own = [weights.get(name, 0.0) for name in experts[:MOST_EXPERTS]]
    return [*map(at, own), *[gr.skip()] * (MOST_EXPERTS - len(own))]


def at(value: float, lowest: float = LOWEST, highest: float = HIGHEST) -> Any:
    """A slider at this value, made longer where it must be."""
    return gr.update(value=value, minimum=min(lowest, value), maximum=max(highest, value))
