"""A language model writes prompts for each skill; the filter's verdict stands beside every line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import gradio as gr

from app import access, launch, parts
from app.access import owner_only
from app.forms import history
from app.forms.form import Form, form
from app.forms.picker import Picker, pick
from app.listeners import QUEUED, Updates, Values
from app.show import judgement, markup
from app.tab import Tab
from engine import runs, worlds
from engine.core import plugins
from engine.core.plugins import PluginChoice
from engine.core.types import Prompt, RejectedPrompt
from engine.prompts import Config, check, language_of, skills, writers
from engine.runs import contents, settings

TITLE = "Prompts"
ALL = "all skills"
BOTH, ACCEPTED, REJECTED = VERDICTS = ("both", "accepted", "refused")
MOST_SHOWN = 120
LEAST_PER_SKILL = 4


class Lines(NamedTuple):
    """What was written for a skill, the newest last."""

    accepted: Sequence[Prompt]
    rejected: Sequence[RejectedPrompt]


@dataclass(frozen=True)
class Stage:
    """The left side: what is to be written."""

    run: gr.Dropdown
    skills: gr.Dropdown
    button: gr.Button
    writer: Picker
    server: gr.HTML
    options: Form

    @property
    def inputs(self) -> set[Any]:
        fields = self.options.components.values()
        return {self.run, self.skills, *self.writer.inputs, *fields}

    @owner_only
    def write(self, values: Values) -> Updates:
        run = values[self.run]
        config = self.options.read(values) | self.writer.config(values)
        before = settings.last_config(runs.open_store(run), "prompts", Config)
        if before and before.writer == config["writer"]:
            # The recipe may name a server, which no form does.
            config["writer_options"] = before.writer_options | config["writer_options"]
        config["skills"] = values[self.skills]
        choice = launch.start("prompts", run, Config, check, **config)
        return {self.run: choice}

    def offer_skills(self, values: Values) -> Updates:
        """Those of the run's world are chosen until somebody chooses others."""
        world = contents.world(runs.open_store(values[self.run]))
        return {self.skills: gr.update(value=skills.of_world(world))}

    def show_server(self, values: Values) -> Updates:
        """The address of a writer on a server."""
        address = server_address(values[self.run], values[self.writer.choice])
        if not address or access.is_public():
            return {self.server: gr.update(value="", visible=False)}
        note = markup.aside(
            f"Asks the server at {_without_password(address)}. Another one is named by "
            "SELMA_LLM_URL, or by base_url in a recipe."
        )
        return {self.server: gr.update(value=note, visible=True)}

    def set_language(self, values: Values) -> Updates:
        """The language that a writer writes, as soon as it is picked."""
        return {self.options.components["language"]: language_of(values[self.writer.choice])}


@dataclass(frozen=True)
class Listing:
    """The right side: what was written."""

    run: gr.Dropdown
    skill: gr.Dropdown
    verdict: gr.Radio
    html: gr.HTML

    @property
    def filters(self) -> set[Any]:
        return {self.skill, self.verdict}

    def show(self, run: str, values: Values) -> Updates:
        names = [ALL, *contents.prompts(runs.open_store(run))]
        skill = values[self.skill] if values[self.skill] in names else ALL
        html = listing(run, skill, values[self.verdict])
        return {self.skill: parts.choice_update(names, skill), self.html: html}

    def filter(self, values: Values) -> Updates:
        html = listing(values[self.run], values[self.skill], values[self.verdict])
        return {self.html: html}


def build(run: gr.Dropdown) -> Tab:
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            stage = _stage(run)
        with gr.Column(scale=2, min_width=320):
            lines = _listing(run)
    stage.button.click(stage.write, stage.inputs, [run], **QUEUED)
    run.change(stage.offer_skills, {run}, [stage.skills], **QUEUED)
    history.follow(run, "prompts", Config, stage.options, stage.writer)
    writer = stage.writer.choice
    gr.on([run.change, writer.change], stage.show_server, {run, writer}, [stage.server], **QUEUED)
    language = stage.options.components["language"]
    writer.input(stage.set_language, {writer}, [language], **QUEUED)
    changes = [lines.skill.input, lines.verdict.input]
    gr.on(changes, lines.filter, {run, *lines.filters}, [lines.html], **QUEUED)
    return Tab(lines.filters, [lines.skill, lines.html], lines.show)


def server_address(run: str, writer: str) -> str:
    """That of the run's recipe or of the environment; "" for a writer that asks no server."""
    before = settings.last_config(runs.open_store(run), "prompts", Config)
    plugin = PluginChoice(writers, writer)
    if before and before.writer == writer:
        plugin = before.writer_choice
    return getattr(plugin.config(), "base_url", "")


def listing(run: str, skill: str, verdict: str) -> str:
    """Counts, then the lines, the newest first."""
    store = runs.open_store(run)
    lines = {}
    for name, accepted in contents.prompts(store).items():
        if skill in (ALL, name):
            lines[name] = Lines(accepted, contents.rejected_prompts(store, name))
    return listing_view(lines, verdict)


def listing_view(lines: Mapping[str, Lines], verdict: str) -> str:
    accepted = sum(len(of_skill.accepted) for of_skill in lines.values())
    refused = sum(len(of_skill.rejected) for of_skill in lines.values())
    if not accepted + refused:
        return markup.empty(
            "No prompts yet",
            "Choose skills and press Write prompts. Every line appears here with "
            "the filter's verdict, the refused ones with the reason.",
        )
    html = markup.counts({"accepted": accepted, "refused": refused})
    lists = 2 * len(lines) if verdict == BOTH else len(lines)
    most = max(LEAST_PER_SKILL, MOST_SHOWN // lists)
    for name, of_skill in lines.items():
        good = _newest(of_skill.accepted, most) if verdict != REJECTED else []
        bad = _newest(of_skill.rejected, most) if verdict != ACCEPTED else []
        html += judgement.verdicts(name, good, bad)
    return html


def _newest(lines: Sequence[Any], most: int) -> Iterable[Any]:
    return lines[::-1][:most]


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host).geturl()


def _stage(run: gr.Dropdown) -> Stage:
    skill_choice = gr.Dropdown(
        skills.names(),
        value=skills.of_world(worlds.usual()),
        multiselect=True,
        label="Skills",
        info="What the model is to learn; files of assets/skills/<world>",
        elem_id="prompts-skills",
    )
    button = parts.main_button("Write prompts", "write-prompts")
    with gr.Accordion("Settings", open=False):
        writer = pick("prompts", plugins.slot(Config, "writer"), worlds.usual().WRITER)
        server = gr.HTML(visible=False, elem_id="server-asked")
        options = form(Config, "prompts", leave_out=("skills", "writer", "writer_options"))
    return Stage(run, skill_choice, button, writer, server, options)


def _listing(run: gr.Dropdown) -> Listing:
    with gr.Row(elem_classes="filters"):
        skill = gr.Dropdown([ALL], value=ALL, label="Show", elem_id="prompts-skill", min_width=150)
        verdict = gr.Radio(
            VERDICTS, value=BOTH, label="Verdict", elem_id="prompts-verdict", min_width=150
        )
    return Listing(run, skill, verdict, gr.HTML(elem_id="prompts-list"))
