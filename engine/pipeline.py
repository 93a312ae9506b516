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
    options, store = recipes.load(recipe), Store(out)
    changed = resume.begin(options, out)
    if changed:
        yield Event(
            f"This run was begun with other versions ({changed}); its later parts may differ "
            "slightly."
        )

    # A language model writes prompts for every skill; what is not new is refused.
    if options.prompts:
        yield from stage("prompts", prompts.run(options.prompts, store))

    # The model paints them, and nobody corrects it: it will learn from its own pictures.
    if options.images:
        yield from stage("images", images.run(options.images, store))

    # A LoRA expert for each skill learns from that skill's pictures, all in one forward pass of the
    # frozen base.
    if options.experts:
        yield from stage("experts", experts.run(options.experts, store))

    # The experts become one.
    if options.merge:
        yield from stage("merge", merge.run(options.merge, store))

    # Learning from guided pictures trains some guidance in. So that nobody wins by that alone,
    # every arm is painted at the scale that suits it, chosen on prompts that are not reported.
    scales: dict[str, float] = {}
    if options.validation:
        yield from stage("validation", evaluate.run(options.validation, store))
        scales = report.best_guidance(options.validation, store)

    # All arms paint the same unseen prompts from the same seeds.
    if options.test:
        test = replace(options.test, own_guidance=scales | options.test.own_guidance)
        yield from stage("test", evaluate.run(test, store))
        lines = report.lines(test, store)
        yield Event(
            f"\n{report.table(lines, test.judge)}",
            kind="done",
            data={"stage": "table", "lines": [line.as_row() for line in lines], "guidance": scales},
        )


def stage(name: str, events: Iterator[Event]) -> Events:
    """A stage's events under its name. A request to stop is handed on to the stage, which then
    saves its work.

    Raises Stopped when the stage ends by saying that it was.
    """
    assert isinstance(events, Generator)
    event = Event("")
    step = partial(next, events)  # what the stage is to do now: go on, or hear of the request
    try:
        while True:
            event = step()
            step = partial(next, events)
            try:
                yield _under(name, event)
            except Stopped as stop:  # thrown in by whoever takes the events
                step = partial(events.throw, stop)
    except StopIteration:
        if event.kind == "stopped":
            raise Stopped(event.text) from None
    finally:
        events.close()


def _under(name: str, event: Event) -> Event:
    """An event that says which stage it is from, unless that is said already."""
    return replace(event, text=f"{name}: {event.text}", data={"stage": name, **event.data})
