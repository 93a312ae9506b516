"""Every world has what belongs together; which one a run belongs to follows from its base and its judges."""
import inspect
import re
from pathlib import Path

import pytest
from PIL import Image

from engine import judges, recipes, worlds
from engine.core import plugins
from engine.core.errors import EngineError
from engine.models import checkpoints
from engine.prompts import skills, writers
from engine.prompts.checks import checker, clean
from engine.worlds import World

ROOT = Path(__file__).parents[2]
NAMES = worlds.names()
DOORS = ("engine/worlds/storybook.py", "engine/storybook/")
"""Where Storybook may be known by name, but for the line that says which world is the usual one."""
GUIDE = ".md"
"""Guides tell readers of what ships, and their tables are made from it."""
FILES = sorted(path for folder in ("engine", "app") for path in (ROOT / folder).rglob("*")
               if path.is_file() and path.suffix != GUIDE and "__pycache__" not in path.parts)
PERSONS = "a lighthouse keeper mends a net beside three cats, oil painting"


@pytest.fixture(params=NAMES)
def world(request) -> World:
    return worlds.load(request.param)


def methods():
    return {name: function for name, function in vars(World).items()
            if inspect.isfunction(function) and name[0] != "_"}


def either(ask):
    """What a world gives; None where it does not have it and says so."""
    try:
        return ask()
    except EngineError as error:
        assert str(error).count(".") >= 2, "name the reason and the remedy"
        return None


def test_a_world_holds_all_that_the_protocol_lists(world):
    assert inspect.getdoc(world)
    for name in World.__annotations__:
        assert hasattr(world, name), name
    for name, asked in methods().items():
        ours, _self, *theirs = inspect.signature(getattr(world, name)).parameters, *inspect.signature(asked).parameters
        assert list(ours) == theirs, name


def test_what_a_world_names_is_there(world):
    assert world.WRITER in plugins.names(writers)
    assert set(world.JUDGES) <= set(plugins.names(judges))
    assert set(world.BASES) <= set(checkpoints.SHIPPED)
    assert recipes.load(ROOT / f"assets/recipes/{world.RECIPE}.toml")
    assert world.SKILLS == worlds.SKILLS / inspect.getmodulename(world.__file__)
    assert world.GUIDANCE >= 1 and clean(world.EXAMPLE) == world.EXAMPLE


def test_worlds_share_no_base_no_judge_and_no_skill():
    for names in ([base for name in NAMES for base in worlds.load(name).BASES],
                  [judge for name in NAMES for judge in worlds.load(name).JUDGES],
                  [path.stem for name in NAMES for path in worlds.load(name).SKILLS.glob("*.toml")]):
        assert len(names) == len(set(names))


def test_a_worlds_skills_pass_its_own_checks(world):
    names = [path.stem for path in world.SKILLS.glob("*.toml")]
    assert names and set(names) <= set(skills.of_world(world))
    for name in names:
        skill = skills.load(name)
        check = checker(skill, world.LANGUAGE)
        assert [check(example) for example in skill.examples] == [None] * len(skill.examples), name


def test_no_evaluation_prompt_may_be_trained_on(world):
    split = either(lambda: world.evaluation_prompts("validation", ()))
    prompts = [prompt for of_skill in (split or {}).values() for prompt in of_skill]
    assert {prompt.text for prompt in prompts} <= world.evaluation_texts()
    assert bool(split) == bool(world.evaluation_texts())
    for text in sorted(world.evaluation_texts())[::200]:
        assert checker(FREE, "free")(text).reason.startswith("evaluation: ")


FREE = skills.Skill("mine", "Mine", "Anything.", ("a", "b", "c"), most_words=100)


def test_a_world_reads_its_own_example_and_prompts_to_try(world):
    tried = world.prompts_to_try(("a prompt that the run has written",))
    assert tried
    assert [text for text in (world.EXAMPLE, *tried) if world.misreading(text)] == []


def test_what_a_world_draws_its_judge_scores_whole(world):
    drawn = either(lambda: world.draw(world.EXAMPLE, 3))
    assert (drawn is not None) == world.HAS_CEILING
    if drawn is None:
        return
    assert isinstance(drawn, Image.Image) and drawn.tobytes() == world.draw(world.EXAMPLE, 3).tobytes()
    for name in world.JUDGES:
        plugin = plugins.load(judges, name)
        assert plugin.SCALE[1] == score(plugin, world.EXAMPLE, drawn)


def score(plugin, text, picture):
    from engine.core.types import Prompt
    return plugin.judge(plugin.Config())([Prompt("", "", text)], [picture], [0])[0].value


def test_the_controls_pairs_are_the_same_again_and_others_for_another_seed(world):
    pair = either(lambda: world.pretraining_pair(1, 2))
    assert (pair is None) == (not world.HAS_CEILING)
    if pair:
        image, caption = world.pretraining_pair(1, 2)
        assert (image.tobytes(), caption) == (pair[0].tobytes(), pair[1])
        assert image.tobytes() != world.pretraining_pair(2, 2)[0].tobytes()


@pytest.mark.parametrize(("base", "judging", "title"), [
    ("storybook", (), "Storybook"), ("storybook-weak", (), "Storybook"), ("owner/model", (), "Photographs"),
    ("runs/somewhere/base", ("storybook",), "Storybook"), ("storybook", ("another",), "Storybook"),
    ("owner/model", ("another",), "Photographs"), ("", (), "Photographs")])
def test_the_world_follows_from_the_base_or_else_from_the_judge(base, judging, title):
    assert worlds.world_of(base, judging).TITLE == title


def test_every_language_has_a_world_and_an_unknown_one_a_remedy():
    speakers = {worlds.world_of_language(worlds.load(name).LANGUAGE).TITLE for name in NAMES}
    assert speakers == {"Storybook", "Photographs"}
    with pytest.raises(EngineError, match="klingon"):
        worlds.world_of_language("klingon")


def test_a_judge_of_no_world_reads_every_world():
    assert worlds.world_of_judge("storybook").TITLE == "Storybook" and worlds.world_of_judge("another") is None


def test_free_lines_never_pass_a_parser(monkeypatch):
    from engine.storybook import language

    def parse(text):
        raise AssertionError(f"{text!r} was parsed")
    for name in ("parse", "fault", "_graph"):
        monkeypatch.setattr(language, name, parse)
    check = checker(FREE, "free")
    assert check(PERSONS) is None and check("three red balls") is None and check("").reason == "empty"


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [path for path in FILES if not place(path).startswith(DOORS)], ids=place)
def test_nobody_else_knows_storybook(path):
    assert "storybook" not in place(path).lower(), "what belongs to one world alone lies in its room"
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.search("storybook", line, re.IGNORECASE)]
    usual = [f'DEFAULT = "{worlds.DEFAULT}"'] if path == Path(worlds.__file__) else []
    assert lines == usual, "ask the world (engine/worlds)"


def test_nobody_else_knows_what_was_measured_in_a_world():
    """Neither a bar by its name nor what an arm of an experiment is."""
    names = set()
    for measurements in filter(None, (worlds.load(name).MEASUREMENTS for name in NAMES)):
        words = [word for arms in measurements.searches.values() for word in arms.values()]
        names.update(f'"{name}"' for name in (*measurements.bars, *words))
    assert len(names) > 20
    found = {(place(path), name) for path in FILES if not place(path).startswith(DOORS)
             for name in names if name in path.read_text(encoding="utf-8")}
    assert not found, "ask the world (engine/worlds)"
