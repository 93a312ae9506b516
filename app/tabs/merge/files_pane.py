"""The files of the merge tab: a merge or an expert for other programs, and LoRAs that other
programs made.
"""

import hashlib
import tempfile
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from shutil import copyfile
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from app import access, page
from engine import experts, jobs, merge, runs
from engine.core import names, provenance
from engine.core.config import to_toml
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import atomic
from engine.merge.adopt import Config as Adopt
from engine.models import checkpoints
from engine.models.lora.cards import CARD, FILE_NAME
from engine.runs import contents

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
    "{world}. "
    "With one of those as the base, the second file is theirs."
)
MERGE = (*provenance.names(merge.Config), "options")
TRAINING = (*provenance.names(experts.Config), "options")
"""What of a recipe makes a merge or an expert again."""
NOTHING = "Nothing to download yet: train an expert or save a merge."


class Copies(NamedTuple):
    """Copies where Gradio may read them: the file itself, one in kohya's naming, and the card where
    there is one.
    """

    plain: str
    kohya: str
    card: str | None
    hashes: str


def build(run: gr.Dropdown) -> list[Component]:
    """Downloads and their directions, for `show`; and a way to take a file in."""
    what = gr.Dropdown([], label="Expert or merge", elem_id="file-of")
    with gr.Row(elem_classes=["bar", "even"]):
        plain = gr.DownloadButton(
            "For diffusers, peft", interactive=False, min_width=180, elem_id="for-diffusers"
        )
        kohya = gr.DownloadButton(
            "For ComfyUI, A1111, Forge", interactive=False, min_width=180, elem_id="for-comfy"
        )
        card = gr.DownloadButton("Model card", interactive=False, min_width=120, elem_id="card")
    note = gr.Markdown(NOTHING, elem_classes="help", elem_id="file-note")
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
    snippet = gr.Code("", language="python", label="In Python", **read_only)
    recipe = gr.Code("", label="As a recipe", **read_only)
    may_take = not access.is_absent()
    with gr.Accordion(
        "Take in a LoRA that others made", open=False, elem_id="adopt", visible=may_take
    ):
        gr.Markdown(
            "A .safetensors file in diffusers' or kohya's format (ComfyUI, A1111), made for this "
            "run's "
            "base. It becomes an expert with a slider of its own. Nothing in it is ever executed.",
            elem_classes="help",
        )
        file = gr.File(
            label="LoRA file", file_types=[".safetensors"], height=120, elem_id="adopt-file"
        )
        with gr.Row(elem_classes="bar"):
            name = gr.Textbox(
                "foreign",
                label="Name of the expert",
                max_lines=1,
                min_width=160,
                elem_id="adopt-name",
            )
            take = gr.Button("Take it in", min_width=120, scale=0, elem_id="adopt-button")
    outputs: list[Component] = [what, plain, kohya, card, note, snippet, recipe]
    what.input(page.told()(show), [run, what], outputs, **page.QUIET)
    take.click(adopt, [run, file, name], run, **page.QUIET)
    return outputs


@page.told()
@access.only
def adopt(run: str, file: str | None, name: str) -> dict[str, Any]:
    """Start taking a file in. The upload is copied into the run first: uploads do not live long."""
    if file is None:
        raise EngineError("Choose a .safetensors file first.")
    names.check(name.strip(), "an expert")
    with jobs.turn(), runs.made(run) as own:
        kept = runs.folder(own) / "adopted" / Path(file).name
        _copy(Path(file), kept)
        asked = Adopt(file=str(kept), name=name.strip(), **contents.base_of(runs.open_store(own)))
        jobs.begin("adopt", asdict(asked), runs.folder(own))
    return page.chosen(own)


def show(run: str, what: str | None) -> list[Any]:
    """Values for what `build` made."""
    store = runs.open_store(run)
    found = {
        path.parent.name: path
        for part in ("merges", "experts")
        for path in sorted(store.folder.glob(f"{part}/*/{FILE_NAME}"))
    }
    what = what if what in found else next(iter(found), None)
    choice = gr.update(choices=list(found), value=what)
    if what is None:
        return _none(choice, NOTHING)
    try:
        copies = _copies(found[what], found[what].stat().st_mtime_ns)
        has_recipe = (found[what].parent / "recipe.json").exists()
        made = contents.recipe(found[what].parent) if has_recipe else {}
    except EngineError as error:
        return _none(choice, str(error))
    base, world = contents.base_model(store), contents.world(store)
    snippet = SNIPPET.format(
        base=str(checkpoints.local_folder(base) or base),
        file=FILE_NAME,
        prompt=world.EXAMPLE,
        guidance=world.GUIDANCE,
    )
    note = (
        ONLY_DIFFUSERS.format(world=world.TITLE)
        if base in checkpoints.SHIPPED
        else COMFY.format(name=what)
    )
    files = (copies.plain, copies.kohya, copies.card)
    return [
        choice,
        *[gr.update(value=file, interactive=file is not None) for file in files],
        f"{note}\n\n{copies.hashes}",
        gr.update(value=snippet, visible=True),
        gr.update(value=as_recipe(made), visible=bool(as_recipe(made))),
    ]


def _none(choice: dict[str, Any], why: str) -> list[Any]:
    return [
        choice,
        *[gr.update(value=None, interactive=False)] * 3,
        why,
        *[gr.update(visible=False)] * 2,
    ]


def as_recipe(made: dict[str, Any]) -> str:
    """The part of a recipe that makes it again."""
    if made.get("kind") == "merge":
        return to_toml({"merge": {name: made[name] for name in MERGE if made.get(name)}}).strip()
    own = {name: made[name] for name in TRAINING if made.get(name) is not None}
    named = {
        table: {made["name"]: made[name]}
        for table, name in (("experts", "skills"), ("shards", "shard"))
        if made.get("name") and made.get(name)
    }
    return to_toml({"experts": {**own, **named}}).strip() if named else ""


@lru_cache(32)
def _copies(file: Path, changed_at: int) -> Copies:
    from engine.models.lora import expert_files, foreign_files

    folder = (
        Path(_scratch().name) / hashlib.sha256(f"{file} {changed_at}".encode()).hexdigest()[:16]
    )
    plain, kohya, card = (
        folder / name
        for name in (file.name, f"{file.parent.name}.safetensors", f"{file.parent.name}.md")
    )
    read = expert_files.read(file.parent)
    foreign_files.write(kohya, "kohya", read.expert, read.recipe)
    _copy(file, plain)
    if has_card := (file.parent / CARD).is_file():
        _copy(file.parent / CARD, card)
    hashes = f"sha256: `{file_hash(plain)}` for diffusers, `{file_hash(kohya)}` for the others."
    return Copies(str(plain), str(kohya), str(card) if has_card else None, hashes)


@cache
def _scratch() -> tempfile.TemporaryDirectory:
    """Gone when the app ends."""
    return tempfile.TemporaryDirectory(prefix="selma-files-")


def _copy(source: Path, target: Path) -> None:
    """Raises EngineError when the disk is full."""
    with atomic(target) as temporary:
        copyfile(source, temporary)
