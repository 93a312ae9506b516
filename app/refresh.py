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

from app import parts, scripts
from app.listeners import BROWSER_ONLY, QUEUED, UNQUEUED, Updates, Values, no_updates
from app.refusals import sentence_of
from app.run_bar import RunBar
from app.show import markup
from app.tab import Tab
from engine import runs
from engine.core.errors import EngineError
from engine.jobs import progress

TICK_SECONDS = 1.0
SCRIPT = """<script>
(() => {
  const bar = "#tabs [role=tab]", asked = new URL(location.href).searchParams.get("tab") ?? "";
  window.selmaTab = () => document.querySelector(`${bar}[aria-selected=true]`)?.dataset.tabId ?? "";
  window.selmaOpenAsked = () => {
    const tab = asked && document.querySelector(`${bar}[data-tab-id=${CSS.escape(asked)}]`);
    if (tab && selmaTab() !== asked) tab.click();
    return [];
  };
  window.selmaKeep = run => {
    const here = new URL(location.href), shown = {run, tab: selmaTab()};
    for (const name in shown) if (shown[name]) here.searchParams.set(name, shown[name]);
    if (here.href !== location.href) history.replaceState(history.state, "", here);
    return [];
  };
})();
</script>"""
"""The page's address says which run and tab it shows: a reload, or a restart of the server, shows
them again. Which tab is open is read from the page when it is needed: Gradio reports a tab late,
and not always in order, where somebody opens one while the page is still being made. For the same
reason the address is looked after at every tick, and not at a change alone."""
OPEN_TAB = "selmaTab()"
OPEN_TAB_OF_ADDRESS = "() => selmaOpenAsked()"
KEEP_ADDRESS = "run => selmaKeep(run)"


class Refresh:
    """The listeners that draw the bar and the open tab."""

    def __init__(self, bar: RunBar, tabs: Mapping[str, Tab]) -> None:
        self.bar, self.tabs = bar, tabs
        self.open_tab = gr.Textbox(visible=False, elem_id="open-tab")
        self.mark = parts.state("", "mark")
        """Of what the page shows."""

    @property
    def inputs(self) -> set[Any]:
        components: set[Any] = {self.bar.run, self.open_tab, self.mark}
        for tab in self.tabs.values():
            components |= set(tab.inputs)
        return components

    @property
    def outputs(self) -> list[Any]:
        components = [self.mark, *self.bar.outputs]
        for tab in self.tabs.values():
            components += tab.outputs
        return components

    def first_look(self, request: gr.Request) -> Updates:
        """The run of the page's address; without it the run that works, else the one last worked
        on, else the example. Choosing it draws the rest.
        """
        run = dict(request.query_params).get("run")
        if run not in runs.run_names(run):
            run = runs.default_run()
        return {self.bar.run: gr.update(choices=runs.run_names(run), value=run)}

    def offer_runs(self, values: Values) -> Updates:
        return {self.bar.run: gr.update(choices=runs.run_names(values[self.bar.run]))}

    def open(self, values: Values) -> Updates:
        """What a tab does when it is opened, and its drawing."""
        run, tab = values[self.bar.run], self.tabs.get(values[self.open_tab])
        if run and tab and tab.on_open:
            with suppress(EngineError):  # a damaged file: what is drawn next says so
                tab.on_open(run)
        return self.redraw(values)

    def redraw(self, values: Values) -> Updates:
        """The bar and the open tab; the other tabs stay as they are, and so does all before a run
        is chosen.
        """
        run = values[self.bar.run]
        if not run:
            return {self.mark: ""}
        # Before the rest is read, so that what comes meanwhile is drawn at the next tick.
        updates: Updates = {self.mark: _mark(run), **self.bar.offer_changes(run)}
        try:
            updates |= self.bar.show(run)
            if tab := self.tabs.get(values[self.open_tab]):
                updates |= tab.show(run, values)
        except Exception as error:  # a damaged file or a bug: said once, where the progress stands
            updates[self.bar.strip] = _failure(error)
        return updates

    def tick(self, values: Values) -> Updates:
        """Everything again, but only when a job has said something new."""
        run = values[self.bar.run]
        if not run or _mark(run) == values[self.mark]:
            return no_updates()
        return self.redraw(values)


def wire(demo: gr.Blocks, refresh: Refresh, opened: Mapping[str, gr.Tab]) -> None:
    """Draw on load, when a tab is opened, when another run is chosen, and when a job moves on."""
    run, inputs, outputs = refresh.bar.run, refresh.inputs, refresh.outputs
    script = scripts.reading(inputs, {refresh.open_tab: OPEN_TAB})
    selects = [tab.select for tab in opened.values()]
    demo.load(refresh.first_look, None, [run], **UNQUEUED)
    demo.load(js=OPEN_TAB_OF_ADDRESS, **BROWSER_ONLY)
    run.focus(refresh.offer_runs, {run}, [run], **QUEUED)
    run.change(refresh.redraw, inputs, outputs, js=script, **QUEUED)
    tick = gr.Timer(TICK_SECONDS).tick
    tick(refresh.tick, inputs, outputs, js=script, trigger_mode="once", **UNQUEUED)
    gr.on(selects, refresh.open, inputs, outputs, js=script, **QUEUED)
    gr.on([run.change, *selects, tick], js=KEEP_ADDRESS, inputs={run}, **BROWSER_ONLY)


def _mark(run: str) -> str:
    """The progress's; of a run whose jobs cannot be read what is wrong, so that it is said once."""
    try:
        return progress.mark(run)
    except Exception as error:
        return f"{run} {sentence_of(error)}"


def _failure(error: Exception) -> str:
    """A sentence in the page, and a bug's traceback in the server's log."""
    if not isinstance(error, EngineError):
        traceback.print_exception(error)
    return markup.failure(sentence_of(error))
