"""Killed at random moments and inside its writes, the line ends in the same bytes, and leaves nothing behind."""
import random
from pathlib import Path

import pytest

from engine.core import config
from tests.line import killed
from tests.line.killed import KILLED, Kill

FOLDERS = ("prompts", "images", "experts", "merges", "painted", "scores")
RECIPE = """
title = "killed"
model = "MODEL"
skills = ["counting", "styles"]

[prompts]
count = 4
lines_per_request = 6

[images]
steps = 1

[experts]
rank = 2
steps = 4
batch_size = 2
log_every = 1
checkpoint_every = 1
sample_every = 2
samples = 1
sample_steps = 1
experts = { counting = ["counting"], styles = ["styles"] }

[merge]
verify = false
experts = { counting = 1.0, styles = 1.0 }

[evaluate]
models = { base = {}, merged = { merged = 1.0 } }
guidances = [1.0, 2.0]
steps = 1
prompts_per_skill = 2
batch_size = 2

[validation]
keep_pictures = 0

[test]
pictures_per_prompt = 2
keep_pictures = 1
"""


@pytest.fixture(scope="module")
def line(recipe, tmp_path_factory):
    """A recipe of all stages, and what an undisturbed run of it leaves."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "killed.toml").write_text(RECIPE.replace("MODEL", config.read_toml(recipe)["model"]))
    assert killed.run(arguments(folder / "killed.toml", folder / "whole"), None) == 0
    return folder / "killed.toml", contents(folder / "whole")


def arguments(recipe: Path, out: Path) -> list[str]:
    return ["run", str(recipe), "--out", str(out)]


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a run, hidden ones too."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def check_it_ends_alike(line, out: Path, kills: list[Kill]) -> int:
    """Kill a run one way after the other, then let it end; returns how many processes were killed."""
    recipe, whole = line
    codes = [killed.run(arguments(recipe, out), kill) for kill in kills]
    assert set(codes) <= {KILLED, 0}
    assert killed.run(arguments(recipe, out), None) == 0
    found = contents(out)
    assert found.keys() == whole.keys()
    assert [name for name in whole if found[name] != whole[name]] == []
    return codes.count(KILLED)


def at_writes(writes: list[tuple[int, bool]]) -> list[Kill]:
    """In every stage's folder, at these of its writes."""
    return [Kill(folder, write, half_way) for folder in FOLDERS for write, half_way in writes]


def test_a_line_killed_in_every_stage_ends_in_the_same_bytes(line, tmp_path):
    assert check_it_ends_alike(line, tmp_path / "run", at_writes([(2, False)])) == len(FOLDERS)


@pytest.mark.slow
def test_a_line_killed_inside_thirty_six_writes_ends_in_the_same_bytes(line, tmp_path):
    writes = [(write, half_way) for write in (1, 2, 3) for half_way in (True, False)][:-1]
    kills = at_writes([*writes, (2, True)])
    assert check_it_ends_alike(line, tmp_path / "run", kills) == 36


@pytest.mark.slow
def test_a_line_killed_at_ten_random_moments_ends_in_the_same_bytes(line, tmp_path):
    rng = random.Random(0)
    kills = [Kill(seconds=rng.uniform(0.2, 3.0)) for _ in range(10)]
    assert check_it_ends_alike(line, tmp_path / "run", kills) > 0
