"""What a run's stages were started with last: by a job, or by its recipe."""

import shutil

import pytest

from engine import runs
from engine.core.errors import EngineError
from engine.core.store import write_json, write_text
from engine.evaluate import Config as Scoring
from engine.experts import Config as Experts
from engine.images import Config as Images
from engine.prompts import Config as Prompts
from engine.runs import settings


@pytest.fixture
def mine(runs_folder):
    """A copy of the example to work on."""
    shutil.copytree(runs.folder("example"), runs_folder / "mine")
    return runs.open_store("mine")


def put_job(run, name, **config):
    write_json(run.job(name) / "config.json", {"config": config})


@pytest.mark.parametrize(("stage", "kind"), [("prompts", Prompts), ("images", Images), ("experts", Experts)])
def test_the_recipe_says_it_where_no_job_does(example, stage, kind):
    assert isinstance(settings.last_config(example, stage, kind), kind)


def test_the_recipes_own_options_count(example):
    assert settings.last_config(example, "images", Images).steps == 2


def test_what_neither_says_is_not_known(example):
    assert settings.last_config(example, "evaluate", Scoring) is None
    assert settings.last_config(runs.open_store(runs.NEW), "images", Images) is None
    assert settings.last_job_options(example, "images") == {}


def test_the_last_job_says_more_than_the_recipe(mine):
    put_job(mine, "0009-images", skills=["places"], steps=7)
    put_job(mine, "0010-images", skills=["places"], steps=8)
    assert settings.last_config(mine, "images", Images).steps == 8


def test_the_skills_of_the_last_evaluation_are_judged_on(mine):
    assert settings.judged_skills(mine) == ()
    put_job(mine, "0001-evaluate", models={"base": {}}, skills=["places", "styles"])
    assert settings.judged_skills(mine) == ("places", "styles")


def test_options_that_make_no_sense_are_a_sentence(mine):
    put_job(mine, "0001-images", skills=["places"], stpes=7)
    with pytest.raises(EngineError, match="images of mine: .*'stpes'"):
        settings.last_config(mine, "images", Images)


def test_a_recipe_that_makes_no_sense_is_a_sentence(runs_folder):
    write_text(runs_folder / "mine" / "recipe.toml", "[prompts]\ncuont = 3\n")
    with pytest.raises(EngineError, match="cuont"):
        settings.last_config(runs.open_store("mine"), "prompts", Prompts)
