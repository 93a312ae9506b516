"""What keeps the page up to date: a tick a second, which redraws the open tab when its run has
moved on.

The work itself is in processes of their own; a page that is closed, reloaded or opened twice only
looks again.
"""

import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components import Component

from app import run_bar
from app.page import QUIET, UNQUEUED, Page
from app.refusals import sentence_of
from app.run_bar import Line
from app.show import markup
from engine import runs
from engine.core.errors import EngineError

TICK_SECONDS = 1.0
Pages = Mapping[str, tuple[gr.Tab, Page]]
SCRIPT = """<script>
(() => {
  const bar = "#tabs [role=tab]", asked = new URL(location.href).searchParams.get("tab") ?? "";
  window.selmaTab = () => document.querySelector(`${bar}[aria-selected=true]`)?.dataset.tabId ?? "";
  window.selmaOpenAsked = () => {
    const tab = asked && document.querySelector(`${bar}[data-tab-id=${CSS.escape(asked)}]`);
    if (tab && selmaTab() !== asked) tab.click();
    return [];
  };
  window.selmaKeep = (name, value) => {
    const here = new URL(location.href);
    here.searchParams.set(name, value);
    history.replaceState(history.state, "", here);
    return [];
  };
})();
</script>"""
"""The page's address says which run and tab it shows: a reload, or a restart of the server, shows
them again. Which tab is open is read from the page when it is asked: Gradio reports a tab late, and
not always in order, where somebody opens one while the page is still being made."""
WITH_TAB = "(run, tab, ...rest) => [run, selmaTab(), ...rest]"


def wire(demo: gr.Blocks, bar: Line, pages: Pages) -> None:
    """Draw on load, when a tab is opened, when another run is chosen, and when a job moves on."""
    beat = Beat(bar, {name: page for name, (_, page) in pages.items()})
    opened, seen = gr.Textbox(visible=False), gr.State("")
    kept: list[Component] = [opened, seen]
    inputs, outputs = [bar.run, *kept, *beat.inputs], [seen, *bar.outputs, *beat.outputs]
    tabs = [tab.select for tab, _ in pages.values()]
    demo.load(beat.first_look, None, bar.run, **UNQUEUED)
    demo.load(None, js="() => selmaOpenAsked()", api_visibility="private")
    bar.run.change(None, bar.run, None, js="run => selmaKeep('run', run)", api_visibility="private")
    bar.run.focus(lambda run: gr.update(choices=runs.listed(run)), bar.run, bar.run, **QUIET)
    bar.run.change(beat.redraw, inputs, outputs, js=WITH_TAB, **QUIET)
    tick = gr.Timer(TICK_SECONDS).tick
    tick(beat.tick, inputs, outputs, js=WITH_TAB, trigger_mode="once", **UNQUEUED)
    gr.on(tabs, beat.open, inputs, outputs, js=WITH_TAB, **QUIET)
    gr.on(tabs, None, js="() => selmaKeep('tab', selmaTab())", api_visibility="private")


class Beat:
    """The page's listeners. Each takes (run, opened tab, mark of what was seen, *every tab's
    inputs).
    """

    def __init__(self, bar: Line, pages: Mapping[str, Page]) -> None:
        self.bar, self.pages = bar, pages
        self.inputs = list(dict.fromkeys(c for page in pages.values() for c in page.inputs))
        self.outputs = list(dict.fromkeys(c for page in pages.values() for c in page.outputs))

    def first_look(self, request: gr.Request) -> dict[str, Any]:
        """The run of the page's address; without it the run that works, else the one last worked
        on, else the example. Choosing it draws the rest.
        """
        run = dict(request.query_params).get("run")
        if run not in runs.listed(run):
            run = runs.first_shown()
        return gr.update(choices=runs.listed(run), value=run)

    def open(self, run: str | None, opened: str, seen: str, *values: Any) -> list[Any]:
        if run and (page := self.pages.get(opened)):
            with suppress(EngineError):  # a damaged file: what is drawn next says so
                page.opened(run)
        return self.redraw(run, opened, seen, *values)

    def redraw(self, run: str | None, opened: str, _: str, *values: Any) -> list[Any]:
        """The bar and the open tab; the other tabs stay as they are, and so does all before a run
        is chosen.
        """
        bar: list[Any] = [gr.skip()] * len(self.bar.outputs)
        drawn: dict[Component, Any] = dict.fromkeys(self.outputs, gr.skip())
        if not run:
            return ["", *bar, *drawn.values()]
        mark = _mark(
            run
        )  # before the rest is read, so that what comes meanwhile is drawn at the next tick
        try:
            bar = run_bar.shown(run)
            if page := self.pages.get(opened):
                given = dict(zip(self.inputs, values, strict=True))
                drawn |= zip(
                    page.outputs, page.show(run, *(given[c] for c in page.inputs)), strict=True
                )
        except (
            Exception
        ) as error:  # a damaged file or a bug: told where the progress stands, not once a second
            bar[0] = _told(error)
        return [mark, *bar, *drawn.values()]

    def tick(self, run: str | None, opened: str, seen: str, *values: Any) -> list[Any]:
        """Everything again, but only when a job has said something new."""
        if not run or _mark(run) == seen:
            return [gr.skip()] * (1 + len(self.bar.outputs) + len(self.outputs))
        return self.redraw(run, opened, seen, *values)


def _mark(run: str) -> str:
    """The line's; of a run whose jobs cannot be read what is wrong, so that it is told once."""
    try:
        return run_bar.mark(run)
    except Exception as error:
        return f"{run} {sentence_of(error)}"


def _told(error: Exception) -> str:
    """A sentence in the page, and a bug's traceback in the server's log."""
    if not isinstance(error, EngineError):
        traceback.print_exception(error)
    return markup.failure(sentence_of(error))
