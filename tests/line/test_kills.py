"""Killed at random moments and inside its writes, over and over, the line ends in the same bytes, and leaves nothing."""
import random
from pathlib import Path

import pytest

from engine.core import config
from tests.line import killed
from tests.line.killed import KILLED, Kill

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


def check_it_ends_alike(line, out: Path, kills: int, most_writes: int, seed: int) -> None:
    """Kill a run so often, then let it end."""
    recipe, whole = line
    rng, done = random.Random(seed), 0
    while done < kills:
        code = killed.run(arguments(recipe, out), Kill.drawn(rng, most_writes, most_seconds=3.0))
        assert code in (KILLED, 0), f"after {done} kills"
        if code == 0:  # the end came before the kill: the rest of the kills fall on a finished run
            most_writes = 1
        done += code == KILLED or most_writes == 1
    assert killed.run(arguments(recipe, out), None) == 0
    found = contents(out)
    assert found.keys() == whole.keys()
    assert [name for name in whole if found[name] != whole[name]] == []


def test_a_line_killed_now_and_then_ends_in_the_same_bytes(line, tmp_path):
    check_it_ends_alike(line, tmp_path / "run", kills=6, most_writes=40, seed=0)


@pytest.mark.slow
def test_a_line_killed_forty_times_ends_in_the_same_bytes(line, tmp_path):
    check_it_ends_alike(line, tmp_path / "run", kills=40, most_writes=8, seed=1)
