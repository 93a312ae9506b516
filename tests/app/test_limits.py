"""The app starts nothing boundless; recipes may."""
import pytest

from app import launch, recipe_files
from app.forms import limits
from engine import evaluate, experts, images, prompts, recipes
from engine.core.config import build
from engine.core.errors import EngineError
from engine.studies import search
from tests.app.stage_forms import required


@pytest.mark.parametrize("stage, changes, words", [
    (experts, {"steps": 1_000_000}, "steps is 1,000,000, .* 50,000 at most"),
    (experts, {"steps": 5_000, "snapshot_every": 1}, "snapshot_every is 1, .*5,000 times"),
    (prompts, {"count": 100_000}, "count is 100,000"), (images, {"pictures_per_prompt": 100}, "16 at most"),
    (evaluate, {"prompts_per_skill": 10_000}, "2,000 at most"), (search, {"generations": 1000}, "200 at most")])
def test_the_app_starts_nothing_boundless_and_recipes_may(stage, changes, words, started, runs_folder):
    options = required(stage.Config) | changes
    assert build(stage.Config, options), "a recipe may say so"
    with pytest.raises(EngineError, match=words):
        launch.start(stage.__name__.rpartition(".")[2], "example", stage.Config, lambda _: None, **options)
    assert not started and not runs_folder.exists()


@pytest.mark.parametrize("recipe", sorted(recipe_files.folder().glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_that_ships_may_be_started_from_its_forms_too(recipe):
    asked_for = recipes.load(recipe)
    for config in (asked_for.prompts, asked_for.images, asked_for.experts, asked_for.validation, asked_for.test):
        if config:
            limits.check(config)
