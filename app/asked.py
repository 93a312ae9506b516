"""Forms that start from what the run's recipe asked for, so that pressing a button goes on with it."""
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from app import runs
from app.choice import Choice
from app.page import QUIET, told
from engine.run_folder import FILE_NAME


def of_run(run: str, stage: str) -> Any:
    """The Config that the run's recipe has for a stage; None without a recipe, or if it leaves the stage out.

    Stages are the recipe's: "validation" and "test" where the engine's is evaluate. Raises EngineError.
    """
    file = runs.folder(run) / FILE_NAME
    if not file.exists():
        return None
    from engine import recipes
    return getattr(recipes.load(file), stage)


def follow(run: gr.Dropdown, form: dict[str, Component], choice: Choice, asked: Callable[[str], Any],
           options: str) -> None:
    """Fill a stage's form, and its choice of a plugin, whenever another run is chosen.

    `options` names the Config's field with the plugin's own options; the plugin's is `choice.kind`.
    """
    outputs = [*form.values(), *choice.outputs]

    def fill(name: str) -> list[Any]:
        with told():
            config = asked(name)
        if config is None:
            return [gr.skip()] * len(outputs)
        plugin, own = getattr(config, choice.kind), getattr(config, options)
        return [*(gr.update(value=getattr(config, field)) for field in form), *choice.set(plugin, own)]

    run.change(fill, run, outputs, **QUIET)
