"""The merge tab's report on how the experts get on with each other; nothing is painted for it."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from app import page
from app.show import charts, markup
from app.tabs.merge import leave_one_out_pane
from engine import runs
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.models.lora.cards import FILE_NAME

if TYPE_CHECKING:
    from engine.merge.interference import Report

NOTE = (
    "Cosine 1: two experts changed the model the same way. 0: they leave each other alone. Below "
    "0: they undo "
    "each other. Cancels: how much of the experts' lengths is lost in their equal mean; experts "
    "that have nothing "
    "to do with each other lose {alone:.0f} % that way. Effective rank: how many directions a "
    "layer truly uses."
)


def build(run: gr.Dropdown) -> tuple[gr.Button, list[Component]]:
    """The button that leaves experts out, and what `show` fills: the choice of a block first."""
    block = gr.Dropdown(
        [], label="Part of the model", visible=False, elem_id="interference-block", min_width=200
    )
    plot = gr.Plot(
        visible=False,
        show_label=False,
        container=False,
        elem_classes="figure",
        elem_id="interference-plot",
    )
    told = gr.HTML(elem_id="interference")
    button = gr.Button("Leave each out in turn, on validation", size="sm", elem_id="leave-one-out")
    left_out = gr.HTML(elem_id="left-out")
    drawn: list[Component] = [block, plot, told, left_out]
    block.input(page.told()(show), [run, block], drawn, **page.QUIET)
    return button, drawn


def show(run: str, block: str | None) -> list[Any]:
    """Values for what `build` made."""
    store = runs.open_store(run)
    files = sorted(store.folder.glob(f"experts/*/{FILE_NAME}"))
    if len(files) < 2:
        return [
            gr.update(visible=False),
            page.plot(None),
            markup.empty(
                "Two experts are needed",
                "Train another one, or take one in: then it shows here how they get on.",
            ),
            "",
        ]
    try:
        report = _report(store.folder, tuple((path, path.stat().st_mtime_ns) for path in files))
    except EngineError as error:
        return [gr.update(visible=False), page.plot(None), markup.failure(str(error)), ""]
    names = [found.name for found in report.blocks]
    block = block if block in names else names[0]
    chosen = next(found for found in report.blocks if found.name == block)
    return [
        gr.update(choices=names, value=block, visible=True),
        page.plot(charts.heat_map(chosen.cosines, report.experts)),
        _table(report),
        leave_one_out_pane.show(run),
    ]


@lru_cache(8)
def _report(folder: Any, files: tuple[tuple[Any, int], ...]) -> "Report":
    from engine.merge import interference
    from engine.models.lora import expert_files

    store = Store(folder)
    return interference.report(
        {
            path.parent.name: expert_files.read(store.expert(path.parent.name)).expert
            for path, _ in files
        },
        {},
    )


def _table(report: "Report") -> str:
    count = len(report.experts)
    experts = markup.table(
        ["expert", "norm", "effective rank"],
        [
            [name, f"{norm:.3g}", f"{rank:.1f}"]
            for name, norm, rank in zip(
                report.experts, report.blocks[0].norms, report.effective_ranks, strict=True
            )
        ],
    )
    rows = [
        [block.name, markup.percent(block.cancellation), *(f"{norm:.3g}" for norm in block.norms)]
        for block in report.blocks
    ]
    blocks = markup.table(
        ["part of the model", "cancels, %", *(f"norm of {name}" for name in report.experts)], rows
    )
    return experts + blocks + markup.aside(NOTE.format(alone=100 * (1 - count**-0.5)))
