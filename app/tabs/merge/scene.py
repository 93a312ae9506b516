"""What the merge tab paints: prompts, noise, guidance; and what stands there at first."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from app import parts
from app.listeners import Updates, Values
from app.show import markup
from app.tabs.merge import sliders
from engine import runs
from engine.core import texts
from engine.core.errors import EngineError
from engine.runs import opening
from engine.runs.preview import USUAL_GUIDANCE
from engine.runs.side_by_side import Subject

MOST_PROMPTS = 8
LARGEST_SEED = 2**32 - 1
LARGEST_NOISE = 9999
"""Of those that the button finds: short enough to write down."""
LEAST_GUIDANCE, MOST_GUIDANCE = 1.0, 8.0
"""Of the slider; a scale beyond that makes it longer."""


FIRST_PROMPT = f"""(prompt, first) => {{
  const before = window.selmaFirstPrompt ?? {json.dumps(opening.EXAMPLE)};
  window.selmaFirstPrompt = first;
  return prompt === "" || prompt === before ? first : prompt;
}}"""
"""Done in the browser, which alone knows what somebody has typed while the server was asked."""


@dataclass(frozen=True)
class Scene:
    """The bar above the pictures, and what it does."""

    prompt: gr.Textbox
    other: gr.Button
    guidance: gr.Slider
    seed: gr.Number
    noise: gr.Button
    example: gr.Textbox
    """Out of sight: the run's own first prompt, which `FIRST_PROMPT` puts into the box."""

    @property
    def inputs(self) -> set[Any]:
        return {self.prompt, self.seed, self.guidance}

    def read(self, values: Values) -> Subject:
        """Raises EngineError for too many prompts, and for one that is too long."""
        prompts = prompts_of(values[self.prompt])
        return Subject(prompts, int(values[self.seed] or 0), values[self.guidance])

    def open(self, run: str, experts: Sequence[str], values: Values) -> "Beginning":
        """The run's own first scene; what people wrote stays."""
        first = opening.choose(runs.open_store(run), experts)
        remark = markup.aside(first.reason) if first.reason else ""
        if values[self.prompt] not in ("", values[self.example]):
            return Beginning({}, remark)
        updates = {
            self.seed: first.seed,
            self.guidance: self.guide(first.guidance),
            self.example: first.prompt,
        }
        return Beginning(updates, remark)

    def guide(self, guidance: float) -> dict[str, Any]:
        """The guidance slider at a scale."""
        return sliders.slider_update(guidance, LEAST_GUIDANCE, MOST_GUIDANCE)

    def other_noise(self) -> Updates:
        return {self.seed: random.randint(0, LARGEST_NOISE)}


class Beginning(NamedTuple):
    """What a scene begins with, and what is said of it."""

    updates: Updates
    remark: str


def prompts_of(text: str) -> tuple[str, ...]:
    """The prompts of a text box, each once. Raises EngineError for too many, and for one that is
    too long.
    """
    lines = filter(None, map(str.strip, text.splitlines()))
    prompts = tuple(dict.fromkeys(lines))  # each once, in their order
    texts.check(prompts)
    if len(prompts) > MOST_PROMPTS:
        raise EngineError(
            f"{len(prompts)} prompts are too many to look at. Write {MOST_PROMPTS} at most, "
            "one per line."
        )
    return prompts


def build() -> Scene:
    with gr.Row(elem_classes="bar"):
        prompt = gr.Textbox(
            opening.EXAMPLE,
            label="Prompts, one per line",
            lines=1,
            max_lines=4,
            scale=4,
            min_width=200,
            elem_id="merge-prompt",
            submit_btn="Paint",
        )
        other = parts.narrow_button("Another prompt", "another-prompt", 160)
    with gr.Row(elem_classes="bar"):
        guidance = gr.Slider(
            LEAST_GUIDANCE,
            MOST_GUIDANCE,
            USUAL_GUIDANCE,
            step=0.5,
            label="Guidance scale",
            min_width=160,
            elem_id="merge-guidance",
        )
        seed = gr.Number(
            1,
            label="Noise",
            precision=0,
            minimum=0,
            maximum=LARGEST_SEED,
            min_width=100,
            elem_id="merge-noise",
        )
        noise = parts.narrow_button("Other noise", "other-noise", 140)
    begun = gr.Textbox(opening.EXAMPLE, visible="hidden", elem_id="begun")
    return Scene(prompt, other, guidance, seed, noise, begun)
