"""Pictures side by side from the same noise: the base, the merge, each expert alone; and what the
judge reads.
"""

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from app.listeners import Updates, Values
from app.show import judgement, markup, pictures, thumbnails
from app.tabs.merge.sliders import MergeChoice
from engine import runs
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.types import Score
from engine.runs import contents, side_by_side
from engine.runs.preview import Merge, Preview
from engine.runs.side_by_side import Figure, Subject
from engine.worlds import World

PREVIEW = Preview()
NO_EXPERTS = "Train experts first, or choose the example run above."
NO_PROMPT = "Write one above, or press Another prompt."
WARMING_UP = "The model is warming up: a few seconds, once."


class Order(NamedTuple):
    """What is painted."""

    subject: Subject
    merge: MergeChoice
    each_expert: bool
    """Every expert alone, too."""


@dataclass(frozen=True)
class Comparison:
    """The pane's components and what they do."""

    each_expert: gr.Checkbox
    note: gr.HTML
    suggestion: gr.Button
    """The nearest sentence that the run's world can read."""
    pair: gr.HTML
    opening: gr.HTML
    """Why the first prompt is this one."""

    @property
    def outputs(self) -> list[Any]:
        """What painting changes."""
        return [self.pair, self.note, self.suggestion]

    def paint(self, run: str, order: Order) -> Iterator[Updates]:
        """A row per prompt, with the judge's reading; first a word of patience while the model is
        cold.
        """
        prompts = order.subject.prompts
        if not order.merge.weights:
            yield {self.pair: markup.empty("No experts to merge yet", NO_EXPERTS)}
            return
        store = runs.open_store(run)
        remarks = self._remarks(store, prompts)
        if not prompts:
            yield {self.pair: markup.empty("No prompt", NO_PROMPT), **remarks}
            return
        if not PREVIEW.is_warm(store):
            yield {self.pair: markup.patience(WARMING_UP), **remarks}
        yield {self.pair: _painted(store, order), **remarks}

    def correct(self, run: str, prompts: str, values: Values) -> str:
        """The suggested sentence in place of the first prompt that the run's world cannot read."""
        world = contents.world(runs.open_store(run))
        return corrected(world, prompts, values[self.suggestion])

    def _remarks(self, store: Store, prompts: Sequence[str]) -> Updates:
        """What is said of the first prompt that the run's world cannot read, and the nearest
        sentence, ready to be clicked.
        """
        world = contents.world(store)
        for prompt in prompts:
            if unread := world.misreading(prompt):
                reason = unread.reason if len(prompts) == 1 else f"“{prompt}”: {unread.reason}"
                note = judgement.unreadable(world.TITLE, reason, unread.known_words)
                return {
                    self.note: gr.update(value=note, visible=True),
                    self.suggestion: gr.update(value=unread.nearest, visible=True),
                }
        hidden = gr.update(visible=False)
        return {self.note: gr.update(value="", visible=False), self.suggestion: hidden}


def build() -> Comparison:
    each_expert = gr.Checkbox(
        False, label="Every expert alone, too", elem_id="each-expert", container=False
    )
    note = gr.HTML(visible=False, elem_id="merge-note")
    suggestion = gr.Button(visible=False, size="sm", elem_id="suggestion")
    pair = gr.HTML(elem_id="merge-pair")
    return Comparison(each_expert, note, suggestion, pair, gr.HTML(elem_id="merge-opening"))


def corrected(world: World, prompts: str, sentence: str) -> str:
    """The prompts with the first one that a world cannot read replaced."""
    lines = prompts.splitlines()
    for number, line in enumerate(lines):
        if line.strip() and world.misreading(line.strip()):
            lines[number] = sentence
            return "\n".join(lines)
    return prompts


def _painted(store: Store, order: Order) -> str:
    """The pictures, or why there are none."""
    merge = Merge.of_weights(order.merge.method, order.merge.weights)
    try:
        rows = side_by_side.paint(PREVIEW, store, order.subject, merge, order.each_expert)
    except EngineError as error:
        return markup.failure(str(error))
    except Exception as error:  # out of memory, say: a sentence, and not a bar for ever
        traceback.print_exc()
        return markup.failure(
            f"This could not be painted ({type(error).__name__}: {error}). Try one prompt or "
            "fewer experts; the server's log says more."
        )
    is_brief = order.each_expert or len(rows) > 1
    html = ""
    for prompt, figures in rows.items():
        heading = prompt if len(rows) > 1 else ""
        html += pictures.side_by_side(heading, [_figure(figure, is_brief) for figure in figures])
    return html


def _figure(figure: Figure, is_brief: bool) -> str:
    picture = thumbnails.whole(figure.image)
    return pictures.large(figure.painter, picture, _reading(figure.score, is_brief))


def _reading(score: Score | None, is_brief: bool) -> str:
    if score is None:
        return ""
    return judgement.score_line(score) if is_brief else judgement.reading(score)
