"""The run that ships: the first open shows it, every tab has something of it, and its experts fit the base."""
import numpy as np
from datasets import load_dataset
from PIL import Image

from engine import jobs, runs
from engine.core.config import read_toml
from engine.core.store import METADATA, Store, read_json, read_records
from engine.core.types import Picture, Prompt, Score
from engine.evaluate.standings import score_tables
from engine.models import checkpoints
from engine.models.bases import Base
from engine.models.ensemble import Ensemble
from engine.runs import contents, opening, trainings
from engine.runs.preview import Merge, PictureRequest, Preview
from engine.storybook.judges import storybook
from engine.votes import similarity

SKILLS = ("counting", "everyday", "places", "styles", "unusual")
MOST_BYTES = 7 * 2**19


def shipped() -> Store:
    return Store(jobs.ROOT / "assets" / "example_run")


def test_the_first_open_shows_it(tmp_path, monkeypatch):
    monkeypatch.delenv("SELMA_EXAMPLE", raising=False)
    monkeypatch.setenv("SELMA_RUNS", str(tmp_path))
    assert runs.default_run() == runs.EXAMPLE and runs.open_store(runs.EXAMPLE).folder == shipped().folder.resolve()


def test_every_tab_has_something_of_it():
    run = shipped()
    found = contents.summary(run)
    assert found.experts == SKILLS and found.merges == ("merged",)
    assert {"base@3.5", "merged@3.5"} <= set(found.scored)
    assert set(contents.prompts(run)) == set(contents.pictures(run)) == set(trainings.progress(run)) == set(SKILLS)
    assert any(contents.rejected_prompts(run, skill) for skill in SKILLS), "the filter's work is to be seen"
    for learned in trainings.progress(run).values():
        assert len(learned.curve) > 2 and len(learned.samples) >= 2
    assert score_tables.tables(run) == ["test/storybook", "validation/storybook"]
    best = score_tables.at_their_best(run, "test/storybook")
    assert score_tables.pictures(run, [standing.model for standing in best], "test/storybook")


def test_its_experts_are_of_the_base_that_ships():
    run = shipped()
    base = checkpoints.fingerprint(checkpoints.pipeline_folder("storybook"))
    for name in SKILLS:
        recorded = read_json(run.expert(name) / "recipe.json")["base"]["sha256"]
        assert checkpoints.recognised(recorded, base) == base
    assert set(Ensemble(Base("storybook"), run, SKILLS).experts) == set(SKILLS)


def test_its_pictures_open_whole_on_the_hub(tmp_path):
    for folder, count in ((shipped().folder / "images", 100), (shipped().pictures("base@3.5"), 80)):
        opened = load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path))
        assert set(opened) == {"train"} and len(opened["train"]) == count
        assert {"image", "text", "seed"} <= set(opened["train"].column_names)


def test_its_first_pictures_show_what_they_are_said_to():
    """With the sliders as they begin, in the app's own number of steps."""
    run = shipped()
    first = opening.choose(run, SKILLS)
    merged = Merge.of_weights(opening.METHOD, dict.fromkeys(SKILLS, 1.0))
    cells = [PictureRequest(first.prompt, first.seed, first.guidance, mix) for mix in (None, merged)]
    read = storybook.judge(storybook.Config())
    scores = read([Prompt("", "", first.prompt)] * 2, list(Preview().paint(run, cells)), [0, 0])
    before, after = (score.value for score in scores)
    assert (before, after) == (0.0, 1.0) and "from 0% to 100%" in first.reason


def sha256_of(told):
    return told["sha256"] if isinstance(told, dict) else told


def test_whatever_it_says_of_weights_is_of_those_that_ship():
    """It was made when weights were known by their files' bytes, and goes on as it is."""
    run = shipped().folder
    today = {name: checkpoints.local_fingerprint(name) for name in checkpoints.SHIPPED}
    told = [{"writer's sha256": read_json(file)["recipe"]["writer's sha256"]}
            for file in run.glob("prompts/*.recipe.json")]
    told += [read_json(file)["recipe"] for file in run.glob("images/*/recipe.json")]
    told += [read_json(file)["recipe"] for file in run.glob("scores/*/*/*.recipe.json")]
    for made in ("experts", "merges"):
        told += [read_json(file) for file in run.glob(f"{made}/*/recipe.json")]
    told += [read_toml(run / "recipe.toml")["made_with"]]
    expected = {"model's sha256": today["storybook"], "writer's sha256": today["storybook-writer"],
                "base": {"sha256": today["storybook"]},
                **{f"weights of {name}": sha256 for name, sha256 in today.items()}}
    found = [(name, checkpoints.recognised(recorded, expected)[name])
             for recorded in told for name in expected.keys() & recorded.keys()]
    assert len(found) > 20
    for name, value in found:
        assert sha256_of(value) == sha256_of(expected[name]), name


def test_there_are_pairs_to_vote_on_that_a_person_can_tell_apart():
    """Every picture that the test judged is kept: five skills, eight prompts, two pictures each."""
    run = shipped()
    sifted = similarity.sifted_pairs(run, ("merged@3.5", "base@3.5"))
    assert sifted.total == 5 * 8 * 2 and sifted.unreadable_count == 0
    assert len(sifted.distinct) >= 8
    for pair in sifted.distinct:
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
