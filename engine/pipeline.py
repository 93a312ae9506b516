"""The whole story, top to bottom: prompts, images, experts, merge, evaluation, from one recipe."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine import evaluate, experts, images, merge, prompts, recipes
from engine.core.errors import Stopped
from engine.core.events import Event
from engine.core.stopping import Events
from engine.core.store import Store
from engine.evaluate import report
from engine.runs import resume


def run(recipe: Path, out: Path) -> Iterator[Event]:
    """Run a recipe in the folder `out`, going on from whatever is finished there; ends with the
    table of scores.

    Raises EngineError, naming the remedy: before anything is written for a recipe that makes no
    sense and for a folder that another one began, later what its stages raise.
    """
    asked, store = recipes.load(recipe), Store(out)
    if changed := resume.begin(asked, out):
        yield Event(
            f"This run was begun with other versions ({changed}); its later parts may differ "
            "slightly."
        )

    # A language model writes prompts for every skill; what is not new is refused.
    if asked.prompts:
        yield from stage("prompts", prompts.run(asked.prompts, store))

    # The model paints them, and nobody corrects it: it will learn from its own pictures.
    if asked.images:
        yield from stage("images", images.run(asked.images, store))

    # A LoRA expert for each skill learns from that skill's pictures, all in one forward pass of the
    # frozen base.
    if asked.experts:
        yield from stage("experts", experts.run(asked.experts, store))

    # The experts become one.
    if asked.merge:
        yield from stage("merge", merge.run(asked.merge, store))

    # Learning from guided pictures trains some guidance in. So that nobody wins by that alone,
    # every arm is painted
    # at the scale that suits it, chosen on prompts that are not reported.
    scales: dict[str, float] = {}
    if asked.validation:
        yield from stage("validation", evaluate.run(asked.validation, store))
        scales = report.best_guidance(asked.validation, store)

    # All arms paint the same unseen prompts from the same seeds.
    if asked.test:
        test = replace(asked.test, own_guidance=scales | asked.test.own_guidance)
        yield from stage("test", evaluate.run(test, store))
        lines = report.lines(test, store)
        yield Event(
            f"\n{report.table(lines)}",
            kind="done",
            data={"stage": "table", "lines": [line.as_row() for line in lines], "guidance": scales},
        )


def stage(name: str, events: Iterator[Event]) -> Events:
    """A stage's events under its name. A request to stop is handed on to the stage, which then
    saves its work.

    Raises Stopped when the stage ends by saying that it was.
    """
    assert isinstance(events, Generator)
    event, step = Event(""), partial(next, events)
    try:
        while True:
            event = step()
            try:
                yield replace(
                    event, text=f"{name}: {event.text}", data={"stage": name, **event.data}
                )
                step = partial(next, events)
            except Stopped as stop:
                step = partial(events.throw, stop)
    except StopIteration:
        if event.kind == "stopped":
            raise Stopped(event.text) from None
    finally:
        events.close()
