"""A LoRA that other programs made becomes an expert of the run."""

from dataclasses import asdict, dataclass
from pathlib import Path

import gradio as gr

from app import access, launch, parts
from app.access import owner_only
from app.listeners import QUEUED, Updates, Values
from engine import jobs, runs
from engine.core import names, store
from engine.core.errors import EngineError
from engine.merge.adopt import Config
from engine.runs import contents

HELP = (
    "A .safetensors file in diffusers' or kohya's format (ComfyUI, A1111), made for this run's "
    "base. It becomes an expert with a slider of its own. Nothing in it is ever executed."
)


@dataclass(frozen=True)
class AdoptForm:
    """The form's components and what they do."""

    run: gr.Dropdown
    file: gr.File
    name: gr.Textbox

    @owner_only
    def adopt(self, values: Values) -> Updates:
        """Start taking a file in. The upload is copied into the run first: uploads do not live
        long.
        """
        upload, name = values[self.file], values[self.name].strip()
        if upload is None:
            raise EngineError("Choose a .safetensors file first.")
        names.check(name, "an expert")
        with jobs.turn(), runs.to_work_on(values[self.run]) as run:
            folder = runs.folder(run)
            file = folder / "adopted" / Path(upload).name
            store.copy(Path(upload), file)
            base = contents.base_of(runs.open_store(run))
            config = Config(file=str(file), name=name, **base)
            jobs.begin("adopt", asdict(config), folder)
        return {self.run: launch.run_choice(run)}


def build(run: gr.Dropdown) -> None:
    title = "Take in a LoRA that others made"
    may_adopt = not access.is_public()
    with gr.Accordion(title, open=False, elem_id="adopt", visible=may_adopt):
        parts.help_text(HELP)
        file = gr.File(
            label="LoRA file", file_types=[".safetensors"], height=120, elem_id="adopt-file"
        )
        with gr.Row(elem_classes="bar"):
            name = parts.short_text("foreign", "Name of the expert", "adopt-name", min_width=160)
            button = parts.narrow_button("Take it in", "adopt-button")
    form = AdoptForm(run, file, name)
    button.click(form.adopt, {run, file, name}, [run], **QUEUED)
