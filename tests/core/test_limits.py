"""A page starts nothing boundless; recipes may."""

import pytest

from engine import evaluate, experts, images, prompts, recipes
from engine.core import limits
from engine.core.config import build
from engine.core.errors import EngineError
from engine.runs import recipe_files
from engine.studies import search

COUNTING = {"skills": ("counting",)}
EXPERT = {"experts": {"a": ["counting"]}}


@pytest.mark.parametrize(
    ("stage", "options", "option", "most"),
    [
        (experts, EXPERT | {"steps": 1_000_000}, "steps", "50,000"),
        (experts, EXPERT | {"steps": 5_000, "snapshot_every": 1}, "snapshot_every", "200"),
        (prompts, COUNTING | {"count": 100_000}, "count", "10,000"),
        (images, COUNTING | {"pictures_per_prompt": 100}, "pictures_per_prompt", "16"),
        (evaluate, {"models": {"base": {}}, "prompts_per_skill": 10_000}, "prompts_per_skill", "2,000"),
        (search, {"experts": ("a", "b"), "generations": 1000}, "generations", "200"),
    ],
)
def test_a_page_starts_nothing_boundless_and_recipes_may(stage, options, option, most):
    config = build(stage.Config, options)  # as a recipe does
    with pytest.raises(EngineError, match=f"^{option} is {options[option]:,}.* {most} at most"):
        limits.check(config)


@pytest.mark.parametrize("recipe", recipe_files.names())
def test_every_recipe_that_ships_may_be_started_from_its_forms_too(recipe):
    line = recipes.load(recipe_files.file_of(recipe))
    for config in (line.prompts, line.images, line.experts, line.validation, line.test):
        if config:
            limits.check(config)
