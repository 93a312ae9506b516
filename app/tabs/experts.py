"""A LoRA a skill learns from its pictures: curves and samples while it does."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import gradio as gr

from app import access, page
from app.forms import history
from app.forms.form import form
from app.forms.picker import choose
from app.page import QUIET, Page, told
from app.show import charts, markup, thumbnails
from engine import runs
from engine.experts import Config, check, objectives
from engine.runs import contents, trainings
from engine.runs.trainings import Progress

TITLE = "Experts"
OWN = ("experts", "shards", "overrides", "objective", "options", "sample_prompts")
FIRST = ("rank", "learning_rate", "steps", "batch_size")
"""What one changes first; the rest is in the settings."""
SEPARATE, JOINT = "one expert a skill", "one joint expert"
JOINT_NAME = "joint"


def build(run: gr.Dropdown) -> Page:
    rest = [f.name for f in fields(Config) if f.name not in FIRST]
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            wanted = gr.Dropdown(
                [],
                multiselect=True,
                label="Skills",
                elem_id="experts-skills",
                info="Those the run has pictures of",
            )
            kind = gr.Radio([SEPARATE, JOINT], value=SEPARATE, label="Experts")
            first = form(Config, leave_out=rest)
            button = gr.Button("Train experts", variant="primary", elem_id="train-experts")
            with gr.Accordion("Settings", open=False):
                objective = choose("objective", "options", objectives, "denoise")
                options = form(Config, leave_out=(*OWN, *FIRST))
        with gr.Column(scale=2, min_width=320):
            budget = gr.HTML(elem_id="budget")
            plot = gr.Plot(
                visible=False,
                show_label=False,
                container=False,
                elem_classes="figure",
                elem_id="loss-plot",
            )
            samples = gr.HTML(elem_id="samples")

    @told()
    @access.only
    def train(run: str, wanted: list[str], kind: str, **values: Any) -> dict[str, Any]:
        name, own = objective.read(values)
        experts = (
            {JOINT_NAME: wanted}
            if kind == JOINT and wanted
            else {skill: [skill] for skill in wanted}
        )
        return page.start(
            "experts",
            run,
            Config,
            check,
            experts=experts,
            objective=name,
            options=own,
            **objective.rest(values),
        )

    button.click(
        train,
        outputs=run,
        inputs_kwargs={
            "run": run,
            "wanted": wanted,
            "kind": kind,
            **first,
            **objective.inputs,
            **options,
        },
        **QUIET,
    )
    history.follow(run, "experts", Config, {**first, **options}, objective)
    return Page([wanted], [wanted, budget, plot, samples], show)


def show(run: str, wanted: Sequence[str]) -> list[Any]:
    store = runs.open_store(run)
    painted = list(contents.pictures(store))
    kept = [name for name in wanted or () if name in painted] or painted
    learned = trainings.progress(store)
    told = trainings.memory_budget(store)
    return [
        page.choices(painted, kept, wanted),
        markup.aside(told) if told else "",
        page.plot(curves(learned)),
        samples_view(learned),
    ]


def curves(learned: Mapping[str, Progress]) -> Any:
    """The losses of every expert, None before there are any."""
    trained = {
        name: [(p.step, p.train_loss) for p in expert.curve if p.train_loss is not None]
        for name, expert in learned.items()
    }
    held_out = {
        name: [(p.step, p.held_out_loss) for p in expert.curve if p.held_out_loss is not None]
        for name, expert in learned.items()
    }
    return (
        charts.losses(trained, held_out)
        if any(trained.values()) or any(held_out.values())
        else None
    )


def samples_view(learned: Mapping[str, Progress]) -> str:
    """Each expert's samples, step by step, from the untrained base on."""
    if not learned:
        return markup.empty(
            "No experts yet",
            "Paint pictures first, then press Train experts. Loss curves and sample "
            "pictures appear here while they learn; they can be cancelled and go on later.",
        )
    return "".join(
        markup.film(
            name,
            expert.captions,
            [
                (f"step {step:,}", [thumbnails.thumbnail(file) for file in files])
                for step, files in expert.samples.items()
            ],
        )
        for name, expert in learned.items()
    )
