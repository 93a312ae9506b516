"""The model paints every prompt; the gallery fills while it does."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from app import access, page
from app.forms import history
from app.forms.form import form
from app.forms.picker import choose
from app.page import QUIET, Page, told
from app.show import markup, thumbnails
from engine import judges, runs, worlds
from engine.images import Config, check
from engine.runs import contents
from engine.runs.contents import Painted

TITLE = "Images"
ALL = "all skills"
MOST_SHOWN = 60


def build(run: gr.Dropdown) -> Page:
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            wanted = gr.Dropdown(
                [],
                multiselect=True,
                label="Skills",
                elem_id="images-skills",
                info="Those the run has prompts for",
            )
            button = gr.Button("Paint pictures", variant="primary", elem_id="paint-pictures")
            with gr.Accordion("Settings", open=False):
                options = form(Config, leave_out=("skills", "judge", "judge_options"))
                judge = choose("judge", "judge_options", judges, worlds.usual_judge())
        with gr.Column(scale=2, min_width=320):
            skill = gr.Dropdown([ALL], value=ALL, label="Show", elem_id="images-skill")
            shown = gr.HTML(elem_id="gallery")

    @told()
    @access.only
    def paint(run: str, wanted: list[str], **values: Any) -> dict[str, Any]:
        name, own = judge.read(values)
        chooses = values["best_of"] > 1
        return page.start(
            "images",
            run,
            Config,
            check,
            skills=wanted,
            judge=name if chooses else "",
            judge_options=own if chooses else {},
            **judge.rest(values),
        )

    button.click(
        paint,
        outputs=run,
        inputs_kwargs={"run": run, "wanted": wanted, **options, **judge.inputs},
        **QUIET,
    )
    history.follow(run, "images", Config, options, judge)
    skill.input(told()(gallery), [run, skill], shown, **QUIET)
    return Page([wanted, skill], [wanted, skill, shown], show)


def show(run: str, wanted: Sequence[str], skill: str) -> list[Any]:
    store = runs.open_store(run)
    written, painted = list(contents.accepted(store)), list(contents.painted(store))
    kept = [name for name in wanted or () if name in written] or written
    skill = skill if skill in painted else ALL
    return [
        page.choices(written, kept, wanted),
        gr.update(choices=[ALL, *painted], value=skill),
        gallery(run, skill),
    ]


def gallery(run: str, skill: str) -> str:
    found = contents.painted(runs.open_store(run))
    return gallery_view({name: shown for name, shown in found.items() if skill in (ALL, name)})


def gallery_view(found: Mapping[str, Sequence[Painted]]) -> str:
    """The newest pictures of each skill first."""
    if not any(found.values()):
        return markup.empty(
            "No pictures yet",
            "Write prompts first, then press Paint pictures. They appear here while "
            "they are painted.",
        )
    each = max(6, MOST_SHOWN // len(found))
    galleries = [
        markup.gallery(
            [
                markup.Tile(thumbnails.thumbnail(painted.file), painted.text)
                for painted in shown[::-1][:each]
            ],
            name,
        )
        for name, shown in found.items()
    ]
    return markup.counted({name: len(shown) for name, shown in found.items()}) + "".join(galleries)
