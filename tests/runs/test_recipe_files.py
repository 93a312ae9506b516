"""The recipes that a run can be started with."""

from engine.runs import recipe_files


def test_the_quick_recipe_comes_first():
    quick, *others = recipe_files.names()
    assert quick == "storybook-quick"
    assert others == sorted(others)
    assert "sdxl" in others


def test_a_recipe_has_its_own_title_after_its_name():
    assert recipe_files.title_of("sdxl") == "sdxl · SELMA on Stable Diffusion XL, as published"


def test_a_recipe_without_a_title_is_known_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("SELMA_RECIPES", str(tmp_path))
    (tmp_path / "bare.toml").write_text("seed = 1")
    (tmp_path / "broken.toml").write_text("seed = = 1")
    titles = {name: recipe_files.title_of(name) for name in recipe_files.names()}
    assert titles == {"bare": "bare", "broken": "broken"}


def test_the_title_alone_stands_without_the_name():
    assert recipe_files.own_title("sdxl") == "SELMA on Stable Diffusion XL, as published"
