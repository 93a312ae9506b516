"""The model paints every prompt; the gallery fills while it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import launch, parts
from app.access import owner_only
from app.forms import history
from app.forms.form import Form, form
from app.forms.picker import Picker, pick
from app.listeners import QUEUED, Updates, Values
from app.show import markup, pictures, thumbnails
from app.tab import Tab
from engine import runs, worlds
from engine.core import plugins
from engine.images import Config, check
from engine.runs import contents
from engine.runs.contents import TrainingPicture

TITLE = "Images"
ALL = "all skills"
MOST_SHOWN = 60
LEAST_PER_SKILL = 6


@dataclass(frozen=True)
class Images:
    """The tab's components and what they do."""

    run: gr.Dropdown
    skills: gr.Dropdown
    button: gr.Button
    options: Form
    judge: Picker
    skill: gr.Dropdown
    gallery: gr.HTML

    @property
    def stage_inputs(self) -> set[Any]:
        fields = self.options.components.values()
        return {self.run, self.skills, *self.judge.inputs, *fields}

    @owner_only
    def paint(self, values: Values) -> Updates:
        options = self.options.read(values)
        if options["best_of"] > 1:
            options |= self.judge.config(values)
        else:  # nothing is chosen among, so nobody judges
            options |= {"judge": "", "judge_options": {}}
        skills = values[self.skills]
        choice = launch.start("images", values[self.run], Config, check, skills=skills, **options)
        return {self.run: choice}

    def show(self, run: str, values: Values) -> Updates:
        store, chosen = runs.open_store(run), values[self.skills]
        written, painted = list(contents.prompts(store)), list(contents.pictures(store))
        skills = [name for name in chosen or () if name in written]
        skill = values[self.skill] if values[self.skill] in painted else ALL
        return {
            self.skills: parts.multiselect_update(written, skills or written, chosen),
            self.skill: parts.choice_update([ALL, *painted], skill),
            self.gallery: gallery(run, skill),
        }

    def filter(self, values: Values) -> Updates:
        return {self.gallery: gallery(values[self.run], values[self.skill])}


def build(run: gr.Dropdown) -> Tab:
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            info = "Those the run has prompts for"
            skills = gr.Dropdown(
                [], multiselect=True, label="Skills", elem_id="images-skills", info=info
            )
            button = parts.main_button("Paint pictures", "paint-pictures")
            with gr.Accordion("Settings", open=False):
                options = form(Config, "images", leave_out=("skills", "judge", "judge_options"))
                judge = pick("images", plugins.slot(Config, "judge"), worlds.usual_judge())
        with gr.Column(scale=2, min_width=320):
            skill = gr.Dropdown([ALL], value=ALL, label="Show", elem_id="images-skill")
            pictures_html = gr.HTML(elem_id="gallery")
    tab = Images(run, skills, button, options, judge, skill, pictures_html)
    button.click(tab.paint, tab.stage_inputs, [run], **QUEUED)
    history.follow(run, "images", Config, options, judge)
    skill.input(tab.filter, {run, skill}, [pictures_html], **QUEUED)
    return Tab({skills, skill}, [skills, skill, pictures_html], tab.show)


def gallery(run: str, skill: str) -> str:
    """The pictures of one skill, or of all."""
    painted = contents.pictures(runs.open_store(run))
    if skill != ALL:
        painted = {skill: painted[skill]} if skill in painted else {}
    return gallery_view(painted)


def gallery_view(painted: Mapping[str, Sequence[TrainingPicture]]) -> str:
    """The newest pictures of each skill first."""
    if not any(painted.values()):
        return markup.empty(
            "No pictures yet",
            "Write prompts first, then press Paint pictures. They appear here while "
            "they are painted.",
        )
    html = markup.counts({name: len(of_skill) for name, of_skill in painted.items()})
    most = max(LEAST_PER_SKILL, MOST_SHOWN // len(painted))
    for name, of_skill in painted.items():
        newest = of_skill[::-1][:most]
        html += pictures.gallery(map(_tile, newest), name)
    return html


def _tile(painted: TrainingPicture) -> pictures.Tile:
    return pictures.Tile(thumbnails.thumbnail(painted.file), painted.text)
