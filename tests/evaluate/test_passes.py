"""Pictures are painted once and kept; judging them is a pass of its own."""
import shutil
from dataclasses import replace

import pytest

from engine import evaluate, judges, worlds
from engine.core import picture_files
from engine.core.stopping import guarded
from engine.core.store import read_json
from engine.evaluate import diversity, passes, picture_cache, summary
from engine.models import ensemble
from engine.storybook.evaluation import load
from tests.evaluate.small_run import scores, values
from tests.plugin_files import install

SECOND = '''"""The mean of the red. [Toy](https://example.org/toy)"""
from dataclasses import dataclass
import numpy as np
from engine.core.types import Score
SCALE, HIGHER_IS_BETTER, METRICS = (0.0, 255.0), True, ()
SIZES = []
@dataclass(frozen=True)
class Config:
    pass
def judge(config):
    def judge_all(prompts, pictures, seeds):
        SIZES.append(len(pictures))
        return [Score(p.id, seed, "redness", float(np.asarray(picture)[..., 0].mean()))
                for p, picture, seed in zip(prompts, pictures, seeds, strict=True)]
    return judge_all
'''


@pytest.fixture
def redness(tmp_path, monkeypatch):
    """A second judge of the world's pictures."""
    world = worlds.usual()
    monkeypatch.setattr(world, "JUDGES", (*world.JUDGES, "redness"))
    (tmp_path / "more").mkdir()
    return install(judges, "redness", SECOND, tmp_path / "more", monkeypatch)


@pytest.fixture
def painted(monkeypatch):
    """The sizes of all batches that are painted."""
    sizes, paint = [], ensemble.Ensemble.paint
    def counted(self, texts, *given, **how):
        sizes.append(len(texts))
        return paint(self, texts, *given, **how)
    monkeypatch.setattr(ensemble.Ensemble, "paint", counted)
    return sizes


def cached(store):
    return {file.name: file.read_bytes() for file in (store.folder / picture_cache.FOLDER).glob("*.png")}


def test_a_second_judge_paints_nothing(config, run_folder, redness, painted, monkeypatch):
    monkeypatch.setattr(ensemble.Ensemble, "painter", property(lambda self: pytest.fail("nothing is to be painted")))
    before = cached(run_folder)
    events = list(evaluate.run(replace(config, judge="redness"), run_folder))
    assert painted == [] and cached(run_folder) == before and len(before) == 48 + 4
    judged = [event.done for event in events if event.total == 48]
    assert events[-1].kind == "done" and judged == sorted(judged) and len(set(judged)) > 5
    assert max(redness.SIZES) > 1
    for model in ("base@1", "both@3", "ceiling"):
        first, second = (values(scores(run_folder, model, f"validation/{judge}")) for judge in ("storybook", "redness"))
        assert [pooled for _, pooled in first.values()] == [pooled for _, pooled in second.values()]
        assert first.keys() == second.keys() and len({value for value, _ in second.values()}) > 1
    recipe = read_json(run_folder.folder / "scores/both@3/validation/redness.recipe.json")["recipe"]
    assert recipe["judge"] == "redness"


def test_what_was_thrown_away_is_painted_again_to_the_same_bits(config, finished, run_folder, redness, painted):
    whole = cached(run_folder)
    lost = sorted((run_folder.folder / picture_cache.FOLDER).glob("*.png"))[:3]
    for file in lost:
        file.unlink()
    list(evaluate.run(replace(config, judge="redness"), run_folder))
    assert cached(run_folder) == whole and 0 < len(painted) <= 3


def test_the_budget_decides_no_score_and_takes_no_picture_that_is_shown(config, finished, run_folder, painted):
    for part in ("scores", picture_cache.FOLDER):
        shutil.rmtree(run_folder.folder / part)
    list(evaluate.run(replace(config, picture_budget_mb=0), run_folder))
    assert cached(run_folder) == {}
    for model in ("base@1", "counting@3", "both@3", "ceiling"):
        assert scores(run_folder, model) == scores(finished[0], model)
    ours, theirs = (sorted(store.folder.glob("scores/*/pictures/*.png")) for store in (run_folder, finished[0]))
    assert [file.read_bytes() for file in ours] == [file.read_bytes() for file in theirs] and len(ours) == 12


def test_a_stopped_evaluation_judges_what_it_has_painted_and_paints_the_rest(config, finished, run_folder, painted):
    for part in ("scores", picture_cache.FOLDER):
        shutil.rmtree(run_folder.folder / part)
    said = []
    for event in guarded(evaluate.run(config, run_folder), lambda: len(said) >= 3):
        said.append(event)
    assert said[-1].kind == "stopped" and len(cached(run_folder)) == 15 and painted == [5, 5, 5]
    painted.clear()
    first, *_ = list(evaluate.run(config, run_folder))
    assert first.done == 5 and sum(painted) == 48 - 15
    assert cached(run_folder) == cached(finished[0])
    assert scores(run_folder, "counting@1") == scores(finished[0], "counting@1")


def test_means_are_seen_while_a_long_evaluation_runs(config, run_folder, monkeypatch):
    for part in ("scores", picture_cache.FOLDER):
        shutil.rmtree(run_folder.folder / part)
    monkeypatch.setattr(passes, "MOST_WAITING", 10)
    arms = {"base": {}, "both": config.models["both"]}
    small = replace(config, models=arms, guidances=(3.0,), batch_size=4, ceiling=False)
    events = list(evaluate.run(small, run_folder))
    with_means = ["means" in event.data for event in events]
    assert with_means == [False, False, False, True, False, True, True]
    assert [event.done for event in events] == sorted(event.done for event in events)


def test_arms_of_the_same_weights_share_their_pictures(config, run_folder, painted):
    same = replace(config, models={"again": {}, "zero": {"counting": 0.0}}, ceiling=False)
    list(evaluate.run(same, run_folder))
    assert painted == []
    assert values(scores(run_folder, "again@3")) == values(scores(run_folder, "base@3"))


def test_other_steps_find_no_picture(config, run_folder, painted):
    list(evaluate.run(replace(config, models={"few": {}}, steps=1, guidances=(3.0,), ceiling=False), run_folder))
    assert sum(painted) == 8


def test_a_score_of_the_first_judge_is_of_the_picture_that_is_kept(config, run_folder):
    prompt = load("validation", "counting")[0]
    folder = run_folder.folder / picture_cache.FOLDER
    likenesses = {diversity.pool(picture_files.read(file)) for file in folder.glob("*.png")}
    assert {score.pooled for score in scores(run_folder, "both@3")} <= likenesses
    assert prompt.id in summary.per_prompt(scores(run_folder, "both@3"))["counting"]
