"""Folders that we write open whole by the real `datasets`, whatever their skills are called."""
import pytest
from datasets import load_dataset
from PIL import Image

from engine.core import imagefolder
from engine.core.imagefolder import SPLIT_WORDS
from engine.core.store import Store, write_records
from engine.core.types import Picture
from engine.images.shelf import STORY

SKILLS = ("counting", "test_places", "val", "my dev set", "latest", "contest-train-2", "__hidden",
          "eval.x", "test-test")
COLUMNS = {"image", "prompt_id", "text", "seed", "model", "sampler", "guidance", "steps"}


def paint(folder, names):
    """Pictures and metadata.jsonl, as every stage leaves them; a text each."""
    folder.mkdir(parents=True)
    for i, name in enumerate(names):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(folder / name)
    write_records(folder / "metadata.jsonl", [
        Picture(name, name, f"{folder.name} {i}", i, "m", "ddim", 3.5, 20)
        for i, name in enumerate(names)])


def opened(tmp_path, *args, **options):
    """The only split, with its texts."""
    found = load_dataset(*args, cache_dir=str(tmp_path / "cache"), **options)
    assert set(found) == {"train"}
    rows = found["train"]
    assert set(rows.column_names) == COLUMNS and all(row["image"].size == (8, 8) for row in rows)
    return sorted(rows["text"])


def test_all_skills_open_as_one_set_and_each_alone(tmp_path):
    store, texts = Store(tmp_path / "run"), []
    for skill in SKILLS:
        paint(store.images(skill), ["00000.png", "00001.png"])
        texts += [f"{store.images(skill).name} {i}" for i in range(2)]
    imagefolder.write_card(store.folder / "images", STORY)
    assert opened(tmp_path, "imagefolder", data_dir=str(store.folder / "images")) == sorted(texts)
    assert opened(tmp_path, str(store.folder / "images")) == sorted(texts)
    for skill in SKILLS[:4]:
        alone = opened(tmp_path, "imagefolder", data_dir=str(store.images(skill)))
        assert alone == [f"{store.images(skill).name} {i}" for i in range(2)]


def test_evaluation_pictures_open_whole_whatever_prompts_are_called(tmp_path):
    ids = ["test-counting-000", "validation-styles-001", "a/b", "../up", "train", "x val 1", "dog"]
    folder = Store(tmp_path).pictures("merged@3.5")
    paint(folder, [imagefolder.file_name(one, 0) for one in ids])
    imagefolder.write_card(folder, STORY)
    assert len(opened(tmp_path, "imagefolder", data_dir=str(folder))) == len(ids)
    assert len(opened(tmp_path, str(folder))) == len(ids)


def test_the_card_opens_pictures_that_people_called_otherwise(tmp_path):
    """By its own folder alone: `imagefolder` with a data_dir asks no card."""
    paint(tmp_path / "pictures", ["00000.png", "my-test-1.png", "val.png"])
    (tmp_path / "pictures" / "painted.jsonl").write_text('{"file_name": "00000.png"}\n' * 9)
    imagefolder.write_card(tmp_path / "pictures", STORY)
    assert len(opened(tmp_path, str(tmp_path / "pictures"))) == 3


def test_what_a_plain_name_would_do(tmp_path):
    """Why all this: one such folder, and the others vanish without a word."""
    for skill in ("counting", "test_places"):
        paint(tmp_path / "images" / skill, ["00000.png"])
    found = load_dataset("imagefolder", data_dir=str(tmp_path / "images"),
                         cache_dir=str(tmp_path / "cache"))
    assert {split: rows["text"][:] for split, rows in found.items()} == {"test": ["test_places 0"]}


@pytest.mark.parametrize("skill", [*SKILLS, *SPLIT_WORDS, "trainer", "invalid", "tests",
                                   "a test of 2 dev-eval"])
def test_a_folder_says_its_skill(skill, tmp_path):
    folder = imagefolder.folder_name(skill)
    assert imagefolder.skill_of(folder) == skill and imagefolder.folder_name(folder) == folder
    assert Store(tmp_path).images(folder) == Store(tmp_path).images(skill)


def test_plain_names_stay_and_folders_of_before_are_found(tmp_path):
    plain = ["counting", "latest", "trainer", "contest"]
    assert [imagefolder.folder_name(name) for name in plain] == plain
    (tmp_path / "images" / "test_places").mkdir(parents=True)
    assert Store(tmp_path).images("test_places").name == "test_places"


def test_a_card_that_people_wrote_stays(tmp_path):
    imagefolder.write_card(tmp_path, STORY)
    assert (tmp_path / "README.md").read_text().startswith("---\nconfigs:")
    (tmp_path / "README.md").write_text("mine")
    imagefolder.write_card(tmp_path, STORY)
    assert (tmp_path / "README.md").read_text() == "mine"
