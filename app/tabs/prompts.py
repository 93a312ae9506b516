"""A language model writes prompts for each skill; the filter's verdict stands beside every line."""

from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from app import access, page
from app.forms import history
from app.forms.form import form
from app.forms.picker import choose
from app.page import QUIET, Page, told
from app.show import markup
from engine import runs, worlds
from engine.core import plugins
from engine.core.types import Prompt, Rejected
from engine.prompts import Config, check, language_of, skills, writers
from engine.runs import contents

TITLE = "Prompts"
ALL = "all skills"
VERDICTS = ("both", "accepted", "refused")
MOST_SHOWN = 120


def build(run: gr.Dropdown) -> Page:
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            wanted = gr.Dropdown(
                skills.names(),
                value=skills.of_world(worlds.usual()),
                multiselect=True,
                label="Skills",
                info="What the model is to learn; files of assets/skills/<world>",
            )
            button = gr.Button("Write prompts", variant="primary", elem_id="write-prompts")
            with gr.Accordion("Settings", open=False):
                writer = choose("writer", "writer_options", writers, worlds.usual().WRITER)
                server = gr.HTML(visible=False, elem_id="server-asked")
                options = form(Config, leave_out=("skills", "writer", "writer_options"))
        with gr.Column(scale=2, min_width=320):
            with gr.Row(elem_classes="filters"):
                skill = gr.Dropdown(
                    [ALL], value=ALL, label="Show", elem_id="prompts-skill", min_width=150
                )
                verdict = gr.Radio(
                    VERDICTS,
                    value="both",
                    label="Verdict",
                    elem_id="prompts-verdict",
                    min_width=150,
                )
            listing = gr.HTML(elem_id="prompts-list")

    @told()
    @access.only
    def write(run: str, wanted: list[str], **values: Any) -> dict[str, Any]:
        name, own = writer.read(values)
        before = history.of_run(run, "prompts", Config)
        if before and before.writer == name:
            own = before.writer_options | own  # the recipe may name a server, which no form does
        return page.start(
            "prompts",
            run,
            Config,
            check,
            skills=wanted,
            writer=name,
            writer_options=own,
            **writer.rest(values),
        )

    button.click(
        write,
        outputs=run,
        inputs_kwargs={"run": run, "wanted": wanted, **writer.inputs, **options},
        **QUIET,
    )
    run.change(told()(skills_of), run, wanted, **QUIET)
    history.follow(run, "prompts", Config, options, writer)
    who: Any = writer.inputs[writer.kind]
    gr.on([run.change, who.change], told()(server_asked), [run, who], server, **QUIET)
    who.input(language_of, who, options["language"], **QUIET)
    for choice in (skill, verdict):
        choice.input(told()(listed), [run, skill, verdict], listing, **QUIET)
    return Page([skill, verdict], [skill, listing], show)


def skills_of(run: str) -> dict[str, Any]:
    """Those of the run's world are chosen until somebody chooses others."""
    return gr.update(value=skills.of_world(contents.world(runs.open_store(run))))


def server_asked(run: str, writer: str) -> Any:
    """The address that a writer on a server is asked at, of the run's recipe or the environment; no
    other's.
    """
    before = history.of_run(run, "prompts", Config)
    own = before.writer_options if before and before.writer == writer else {}
    address = own.get("base_url") or getattr(plugins.load(writers, writer).Config(), "base_url", "")
    if not address or access.is_absent():
        return gr.update(value="", visible=False)
    parts = urlsplit(str(address))
    shown = parts._replace(
        netloc=parts.netloc.rpartition("@")[2]
    ).geturl()  # it may hold a password
    return gr.update(
        value=markup.aside(
            f"Asks the server at {shown}. Another one is named by SELMA_LLM_URL, or by "
            "base_url in a recipe."
        ),
        visible=True,
    )


def show(run: str, skill: str, verdict: str) -> list[Any]:
    written = list(contents.accepted(runs.open_store(run)))
    skill = skill if skill in written else ALL
    return [gr.update(choices=[ALL, *written], value=skill), listed(run, skill, verdict)]


def listed(run: str, skill: str, verdict: str) -> str:
    """Counts, then the lines, the newest first."""
    store = runs.open_store(run)
    accepted = {
        name: prompts for name, prompts in contents.accepted(store).items() if skill in (ALL, name)
    }
    rejected = {name: contents.rejected(store, name) for name in accepted}
    return listing_view(accepted, rejected, verdict)


def listing_view(
    accepted: dict[str, list[Prompt]], rejected: dict[str, list[Rejected]], verdict: str
) -> str:
    kept, refused = (sum(map(len, lines.values())) for lines in (accepted, rejected))
    if not kept + refused:
        return markup.empty(
            "No prompts yet",
            "Choose skills and press Write prompts. Every line appears here with "
            "the filter's verdict, the refused ones with the reason.",
        )
    shown = [
        (prompts if verdict != "refused" else [], rejected[name] if verdict != "accepted" else [])
        for name, prompts in accepted.items()
    ]
    each = max(4, MOST_SHOWN // (len(shown) * (2 if verdict == "both" else 1)))
    blocks = [
        markup.verdicts(name, prompts[::-1][:each], lines[::-1][:each])
        for name, (prompts, lines) in zip(accepted, shown, strict=True)
    ]
    return markup.counted({"accepted": kept, "refused": refused}) + "".join(blocks)
