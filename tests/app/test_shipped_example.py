"""The run that ships: the first open shows it, every tab has something of it, and its experts fit the base."""
import numpy as np
from PIL import Image

from app import contents, runs, scores
from engine.core.store import METADATA, Store, read_json, read_records
from engine.core.types import Picture, Score
from engine.models import checkpoints
from engine.models.ensemble import Ensemble
from engine.votes import alike, ballots

SKILLS = ("counting", "everyday", "places", "styles", "unusual")
MOST_BYTES = 7 * 2**19


def shipped() -> Store:
    return Store(runs.jobs.ROOT / "assets" / "example_run")


def test_the_first_open_shows_it(tmp_path, monkeypatch):
    monkeypatch.delenv("SELMA_EXAMPLE", raising=False)
    monkeypatch.setenv("SELMA_RUNS", str(tmp_path))
    assert runs.first_shown() == runs.EXAMPLE and runs.open_store(runs.EXAMPLE).folder == shipped().folder.resolve()


def test_every_tab_has_something_of_it():
    run = shipped()
    found = contents.of(run)
    assert found.experts == SKILLS and found.merges == ("merged",)
    assert {"base@3.5", "merged@3.5"} <= set(found.scored)
    assert set(contents.accepted(run)) == set(contents.painted(run)) == set(contents.learned(run)) == set(SKILLS)
    assert any(contents.rejected(run, skill) for skill in SKILLS), "the filter's work is to be seen"
    for learned in contents.learned(run).values():
        assert len(learned.curve) > 2 and len(learned.samples) >= 2
    assert scores.tables(run) == ["test/storybook", "validation/storybook"]
    best = scores.at_their_best(run, "test/storybook")
    assert scores.pictures(run, [standing.model for standing in best], "test/storybook")


def test_its_experts_are_of_the_base_that_ships():
    run = shipped()
    base = checkpoints.fingerprint(checkpoints.pipeline_folder("storybook"))
    for name in SKILLS:
        assert read_json(run.expert(name) / "recipe.json")["base"]["sha256"] == base
    assert set(Ensemble("storybook", None, run, SKILLS).experts) == set(SKILLS)


def test_there_are_pairs_to_vote_on_that_a_person_can_tell_apart():
    """Every picture that the test judged is kept: five skills, eight prompts, two pictures each."""
    run = shipped()
    sifted = alike.sift(ballots.pairs(run, ("merged@3.5", "base@3.5")))
    assert sifted.total == 5 * 8 * 2 and sifted.unreadable == 0
    assert len(sifted.asked) >= 8
    for pair in sifted.asked:
        sides = [np.asarray(Image.open(side.file), int) for side in (pair.first, pair.second)]
        assert np.abs(sides[0] - sides[1]).max() >= 40, "and then it is more than a shade"


def test_each_kept_picture_is_one_that_was_judged():
    run = shipped()
    for folder in run.folder.glob("scores/*/pictures"):
        model = folder.parent.name
        known = read_records(folder / METADATA, Picture)
        judged = {(score.prompt_id, score.seed)
                  for score in read_records(run.scores(model, "test/storybook"), Score)}
        files = {path.name for path in folder.glob("*.png")}
        assert {picture.file_name for picture in known} == files
        assert {(picture.prompt_id, picture.seed) for picture in known} == judged


def test_it_is_small():
    files = [file for file in shipped().folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    assert not [file for file in files if "checkpoint" in file.name or "latents" in file.name or file.suffix == ".db"]
