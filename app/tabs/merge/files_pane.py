"""The files of the merge tab: a merge or an expert for other programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import parts
from app.listeners import QUEUED, Updates, Values
from engine import runs
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import Store
from engine.models import checkpoints
from engine.models.lora.cards import FILE_NAME
from engine.runs import contents, downloads, recipe_texts
from engine.runs.downloads import OWN_LAYOUT, Downloads

KOHYA = "kohya"
"""The layout of files for ComfyUI, A1111 and Forge."""
SNIPPET = """from diffusers import DiffusionPipeline

pipe = DiffusionPipeline.from_pretrained({base!r})
pipe.load_lora_weights(".", weight_name={file!r})  # where you saved the download
pipe({prompt!r}, guidance_scale={guidance:g}).images[0].save("picture.png")"""
COMFY = (
    "ComfyUI: put it into `models/loras` and connect a *Load LoRA* node, strength_model 1. "
    "A1111, Forge: put it into `models/Lora` and write `<lora:{name}:1>` into the prompt. It is in "
    "float16."
)
ONLY_DIFFUSERS = (
    "For diffusers and peft: ComfyUI, A1111 and Forge open Stable Diffusion 1, 2 and XL, not "
    "{world}. With one of those as the base, the second file is theirs."
)
UNNAMED = (
    "For diffusers and peft: the naming that ComfyUI, A1111 and Forge read has no names for the "
    "layers of {family}."
)
NOTHING = "Nothing to download yet: train an expert or save a merge."
READING = "Reading the run's experts and merges: a few seconds."


@dataclass(frozen=True)
class FilesPane:
    """The pane's components and what they do."""

    run: gr.Dropdown
    name: gr.Dropdown
    weights: dict[str, gr.DownloadButton]
    """By layout."""
    card: gr.DownloadButton
    note: gr.Markdown
    snippet: gr.Code
    recipe: gr.Code

    @property
    def inputs(self) -> set[Any]:
        return {self.name}

    @property
    def outputs(self) -> list[Any]:
        buttons = [*self.weights.values(), self.card]
        return [self.name, self.note, *buttons, self.snippet, self.recipe]

    def show(self, run: str, values: Values) -> Updates:
        store = runs.open_store(run)
        files = downloads.weight_files(store)
        name = parts.one_of(values[self.name], list(files))
        choice = {self.name: parts.choice_update(files, name)}
        if name is None:
            return choice | self.fail(NOTHING)
        try:
            copies = downloads.prepare(files[name])
            recipe = recipe_texts.read(files[name].parent)
        except EngineError as error:
            return choice | self.fail(str(error))
        texts = self._texts(store, name, copies, recipe)
        return {**choice, **self._offer(copies), **texts}

    def wait(self) -> Updates:
        """Until the pane is filled, nothing is said of what there is."""
        return {self.name: parts.choice_update([], None), **self.fail(READING)}

    def fail(self, why: str) -> Updates:
        """Nothing to download, and why."""
        updates: Updates = {self.note: why}
        for button in (*self.weights.values(), self.card):
            updates[button] = _download(None) | {"visible": True}
        for text in (self.snippet, self.recipe):
            updates[text] = gr.update(visible=False)
        return updates

    def choose(self, values: Values) -> Updates:
        return self.show(values[self.run], values)

    def _offer(self, copies: Downloads) -> Updates:
        """The card, and a file per layout that there is; no button for the others."""
        updates: Updates = {self.card: _download(copies.card)}
        for layout, button in self.weights.items():
            file = copies.weights.get(layout)
            updates[button] = _download(file) | {"visible": file is not None}
        return updates

    def _texts(self, store: Store, name: str, copies: Downloads, recipe: str) -> Updates:
        """What to do with the files, and how they are made again."""
        base, world = contents.base_model(store), contents.world(store)
        directions = _directions(base, name, world.TITLE, copies)
        snippet = _snippet(base, world.EXAMPLE, world.GUIDANCE)
        return {
            self.note: f"{directions}\n\n{_hashes(copies)}",
            self.snippet: gr.update(value=snippet, visible=True),
            self.recipe: gr.update(value=recipe, visible=bool(recipe)),
        }


def build(run: gr.Dropdown) -> FilesPane:
    name = gr.Dropdown([], label="Expert or merge", elem_id="file-of")
    with gr.Row(elem_classes=["bar", "even"]):
        weights = {
            OWN_LAYOUT: _button("For diffusers, peft", "for-diffusers", 180),
            KOHYA: _button("For ComfyUI, A1111, Forge", "for-comfy", 180),
        }
        card = _button("Model card", "card", 120)
    note = gr.Markdown(READING, elem_classes="help", elem_id="file-note")
    # Wrapped: what scrolls must be reached by keyboard, and code that cannot be edited is not.
    # Unnumbered: Gradio sets the numbers before it wraps, so they stand beside other lines.
    read_only: dict[str, Any] = {
        "interactive": False,
        "visible": False,
        "buttons": ["copy"],
        "wrap_lines": True,
        "show_line_numbers": False,
        "lines": 1,
    }
    snippet = gr.Code("", language="python", label="In Python", elem_id="file-snippet", **read_only)
    recipe = gr.Code("", label="As a recipe", elem_id="file-recipe", **read_only)
    pane = FilesPane(run, name, weights, card, note, snippet, recipe)
    name.input(pane.choose, {run, name}, pane.outputs, **QUEUED)
    return pane


def _button(label: str, elem_id: str, min_width: int) -> gr.DownloadButton:
    return gr.DownloadButton(label, interactive=False, min_width=min_width, elem_id=elem_id)


def _download(file: Path | None) -> dict[str, Any]:
    if file is None:
        return gr.update(value=None, interactive=False)
    return gr.update(value=str(file), interactive=True)


def _directions(base: str, name: str, world: str, copies: Downloads) -> str:
    """What to do with the files."""
    if base in checkpoints.SHIPPED:
        return ONLY_DIFFUSERS.format(world=world)
    if KOHYA not in copies.weights:
        return UNNAMED.format(family=copies.family)
    return COMFY.format(name=name)


def _hashes(copies: Downloads) -> str:
    """By which a file is known, in a sentence."""
    sentence = f"sha256: `{file_hash(copies.weights[OWN_LAYOUT])}` for diffusers"
    if KOHYA in copies.weights:
        sentence += f", `{file_hash(copies.weights[KOHYA])}` for the others"
    return f"{sentence}."


def _snippet(base: str, prompt: str, guidance: float) -> str:
    """How the download is used in Python."""
    folder = str(checkpoints.local_folder(base) or base)
    return SNIPPET.format(base=folder, file=FILE_NAME, prompt=prompt, guidance=guidance)
