"""A LoRA per skill learns from its pictures: curves and samples while it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from app import launch, parts
from app.access import owner_only
from app.forms import history
from app.forms.form import Form, form
from app.forms.picker import Picker, pick
from app.listeners import QUEUED, Updates, Values
from app.show import charts, markup, thumbnails
from app.show.pictures import Moment, film
from app.tab import Tab
from engine import runs
from engine.core import plugins
from engine.experts import Config, check
from engine.runs import contents, trainings
from engine.runs.trainings import Progress

TITLE = "Experts"
ELSEWHERE = ("experts", "shards", "overrides", "objective", "options", "sample_prompts")
"""Fields of the Config that are chosen in other ways than in the settings."""
FIRST = ("rank", "learning_rate", "steps", "batch_size")
"""What one changes first; the rest is in the settings."""
SEPARATE, JOINT = "one expert per skill", "one joint expert"
JOINT_NAME = "joint"


@dataclass(frozen=True)
class Experts:
    """The tab's components and what they do."""

    run: gr.Dropdown
    skills: gr.Dropdown
    kind: gr.Radio
    options: Form
    objective: Picker
    budget: gr.HTML
    plot: gr.Plot
    samples: gr.HTML

    @property
    def stage_inputs(self) -> set[Any]:
        fields = self.options.components.values()
        return {self.run, self.skills, self.kind, *self.objective.inputs, *fields}

    @owner_only
    def train(self, values: Values) -> Updates:
        options = self.options.read(values) | self.objective.config(values)
        options["experts"] = skills_by_expert(values[self.skills], values[self.kind])
        choice = launch.start("experts", values[self.run], Config, check, **options)
        return {self.run: choice}

    def show(self, run: str, values: Values) -> Updates:
        store, chosen = runs.open_store(run), values[self.skills]
        painted = list(contents.pictures(store))
        skills = [name for name in chosen or () if name in painted]
        learned = trainings.progress(store)
        budget = trainings.memory_budget(store)
        return {
            self.skills: parts.multiselect_update(painted, skills or painted, chosen),
            self.budget: markup.aside(budget) if budget else "",
            self.plot: parts.figure_update(loss_curves(learned)),
            self.samples: samples_view(learned),
        }


def build(run: gr.Dropdown) -> Tab:
    rest = [field.name for field in fields(Config) if field.name not in FIRST]
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            info = "Those the run has pictures of"
            skills = gr.Dropdown(
                [], multiselect=True, label="Skills", elem_id="experts-skills", info=info
            )
            kinds = [SEPARATE, JOINT]
            kind = gr.Radio(kinds, value=SEPARATE, label="Experts", elem_id="experts-kind")
            first = form(Config, "experts", leave_out=rest)
            button = parts.main_button("Train experts", "train-experts")
            with gr.Accordion("Settings", open=False):
                objective = pick("experts", plugins.slot(Config, "objective"), Config.objective)
                settings = form(Config, "experts", leave_out=(*ELSEWHERE, *FIRST))
        with gr.Column(scale=2, min_width=320):
            budget = gr.HTML(elem_id="budget")
            plot = parts.figure("loss-plot")
            samples = gr.HTML(elem_id="samples")
    options = Form(first.components | settings.components)
    tab = Experts(run, skills, kind, options, objective, budget, plot, samples)
    button.click(tab.train, tab.stage_inputs, [run], **QUEUED)
    history.follow(run, "experts", Config, options, objective)
    return Tab({skills}, [skills, budget, plot, samples], tab.show)


def skills_by_expert(skills: Sequence[str], kind: str) -> dict[str, list[str]]:
    """Which skills each expert learns."""
    if kind == JOINT and skills:
        return {JOINT_NAME: list(skills)}
    return {skill: [skill] for skill in skills}


def loss_curves(learned: Mapping[str, Progress]) -> Any:
    """The losses of every expert, None before there are any."""
    training, held_out = {}, {}
    for name, expert in learned.items():
        training[name] = _curve(expert, "train_loss")
        held_out[name] = _curve(expert, "held_out_loss")
    if not any(training.values()) and not any(held_out.values()):
        return None
    return charts.losses(training, held_out)


def samples_view(learned: Mapping[str, Progress]) -> str:
    """Each expert's samples, step by step, from the untrained base on."""
    if not learned:
        return markup.empty(
            "No experts yet",
            "Paint pictures first, then press Train experts. Loss curves and sample "
            "pictures appear here while they learn; they can be cancelled and go on later.",
        )
    films = ""
    for name, expert in learned.items():
        moments = [_moment(step, files) for step, files in expert.samples.items()]
        films += film(name, expert.captions, moments)
    return films


def _curve(expert: Progress, loss: str) -> list[tuple[int, float]]:
    """The points at which this loss was measured."""
    points = []
    for point in expert.curve:
        value = getattr(point, loss)
        if value is not None:
            points.append((point.step, value))
    return points


def _moment(step: int, files: Sequence[Path]) -> Moment:
    return Moment(f"step {step:,}", list(map(thumbnails.thumbnail, files)))
