"""`python -m engine <stage> --help` says of every option, and of every plugin's, all that there is to know."""
import subprocess
import sys
from dataclasses import dataclass, fields, make_dataclass
from dataclasses import field as plain_field

import pytest

from engine import cli, judges
from engine.cli import option_help, stages
from engine.core import options, plugins
from engine.core.options import option
from tests.identities import PLUGINS
from tests.plugin_files import install, write

STAGES = {name: stage.config_kind() for name, stage in stages.STAGES.items() if name != stages.PIPELINE}
STRICT = '''
"""How strict a reader is. [Toy](https://example.org/toy)"""
from dataclasses import dataclass
from engine.core.options import option

@dataclass(frozen=True)
class Config:
    strictness: float = option(0.5, "How much it forgives", range=(0.0, 2.0))
    tell: bool = option(False, "Say more", decides=False, why="words alone")

def judge(config):
    return lambda prompts, pictures, seeds: []
'''


def paragraphs(text):
    """Headings with what stands below them; a wrapped line counts as one with the line before."""
    by_heading = {}
    for paragraph in text.split("\n\n"):
        heading, _, rest = paragraph.partition("\n")
        by_heading[heading] = " ".join(rest.split())
    return by_heading


def helped(stage, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([stage, "--help"])
    return capsys.readouterr().out


def test_a_real_process_names_objectives_options_and_how_to_set_them():
    command = [sys.executable, "-m", "engine", "experts", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = paragraphs(shown.stdout)
    assert "learning_rate AdamW's; SELMA: 3e-4; 1e-07 to 1; default 0.0003 schedule" in found[option_help.HEADING]
    assert "one of denoise, dpo; default \"denoise\"" in found[option_help.HEADING]
    assert "does not decide the result: the same numbers, computed twice" in found[option_help.HEADING]
    dpo = found["objective=dpo takes options={NAME=VALUE, ...}:"]
    assert dpo.startswith("Diffusion-DPO") and "0 to 1e+06; default 5000.0" in dpo and "judge_options" in dpo
    assert "It has no options." in found["objective=denoise:"]
    assert shown.stderr == ""


@pytest.mark.parametrize("stage", STAGES)
def test_every_option_of_a_stage_is_there(stage, capsys):
    text = paragraphs(helped(stage, capsys))[option_help.HEADING]
    assert all(f"{one.name} {one.metadata['help'][:20]}" in text for one in fields(STAGES[stage]))


def test_the_whole_line_takes_a_recipe(capsys):
    assert "recipe A recipe file" in paragraphs(helped("pipeline", capsys))[option_help.HEADING]


@pytest.mark.parametrize(("package", "name"), PLUGINS)
def test_every_plugins_options_stand_in_the_help_of_some_stage(package, name):
    kind = plugins.load(package, name).Config
    texts = [option_help.of_stage(one) for one in STAGES.values()]
    assert any(option_help.describe(kind) in text for text in texts)


@pytest.mark.parametrize("kind", [*STAGES.values(), *(plugins.load(*one).Config for one in PLUGINS)],
                         ids=lambda kind: kind.__module__)
def test_every_option_says_what_it_is(kind):
    assert [one.name for one in fields(kind) if not one.metadata.get("help")] == []


def test_a_new_judge_stands_in_the_help_wherever_judges_are_named(tmp_path, monkeypatch, capsys):
    install(judges, "strict", STRICT, tmp_path, monkeypatch)
    below = paragraphs(helped("evaluate", capsys))["judge=strict takes judge_options={NAME=VALUE, ...}:"]
    assert "strictness How much it forgives; 0 to 2; default 0.5" in below
    assert "tell Say more; default false; does not decide the result: words alone" in below
    nested = paragraphs(helped("experts", capsys))
    assert "judge=strict takes options={judge_options={NAME=VALUE, ...}}:" in nested


def test_a_judge_that_does_not_load_has_a_sentence_in_its_place(tmp_path, monkeypatch, capsys):
    write(judges, "reddish2", STRICT.replace("class Config", "class (Config"), tmp_path, monkeypatch)
    found = paragraphs(helped("evaluate", capsys))
    assert "reddish2.py does not load: SyntaxError, line 7: " in found["judge=reddish2:"]
    assert "mend or remove it" in found["judge=reddish2:"] and "one of storybook; " in found[option_help.HEADING]


def test_a_line_holds_help_range_choices_and_default():
    @dataclass(frozen=True)
    class Config:
        skills: tuple[str, ...] = option(help="What is painted", grows=True)
        model: str | None = option(None, "Who paints")
        models: dict[str, dict[str, float]] = option(factory=lambda: {"base": {"a": 0.5}}, help="Arms")
        small: int = option(2, "How many", range=(1, 2000))
    lines = dict(line.split(maxsplit=1) for line in option_help.describe(Config).splitlines())
    assert lines == {
        "skills": "What is painted; must be given; may name more later", "model": "Who paints; default not given",
        "models": "Arms; default {base={a=0.5}}", "small": "How many; 1 to 2,000; default 2"}


def test_nothing_to_choose_is_said():
    assert option_help.describe(make_dataclass("Config", [])) == option_help.NO_OPTIONS


def test_an_option_added_to_a_stage_is_in_its_help(monkeypatch, capsys):
    from engine import images
    added = ("sharpness", float, plain_field(default=0.5, metadata={"help": "How sharp", "range": (0.0, 2.0)}))
    kind = make_dataclass("Config", [added], bases=(images.Config,), frozen=True, kw_only=True)
    monkeypatch.setattr(images, "Config", kind)
    assert "sharpness How sharp; 0 to 2; default 0.5" in " ".join(helped("images", capsys).split())
    assert options.defaults(kind)["sharpness"] == 0.5
