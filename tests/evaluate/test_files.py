"""What lies beside the scores: kept pictures that are still those that were judged, and floors."""
from dataclasses import replace

import pytest
from PIL import Image

from engine import evaluate
from engine.core.errors import EngineError
from engine.core.imagefolder import file_name
from engine.core.store import read_records, write_records
from engine.core.types import Picture, Score
from tests.evaluate.small_run import scores


def test_a_kept_picture_that_people_changed_is_painted_again_and_told(config, finished, run_folder):
    changed = run_folder.pictures("both@3") / file_name("validation-counting-000", 0)
    before, painted = scores(run_folder, "both@3"), changed.read_bytes()
    Image.new("RGB", (64, 64)).save(changed)
    for spoilt in (changed.read_bytes(), b"no picture"):
        changed.write_bytes(spoilt)
        first, *_, last = evaluate.run(config, run_folder)
        assert "1 kept pictures are not those that were judged" in first.text
        assert last.kind == "done"
        assert changed.read_bytes() == painted and scores(run_folder, "both@3") == before


def test_score_files_are_written_back_to_the_same_bytes(finished, tmp_path):
    files = sorted(finished[0].folder.glob("scores/*/validation/*.jsonl"))
    assert {file.name for file in files} == {"storybook.jsonl", "storybook.floor.jsonl"}
    for file in files:
        write_records(tmp_path / "again.jsonl", read_records(file, Score))
        assert (tmp_path / "again.jsonl").read_bytes() == file.read_bytes()


def test_a_floor_that_is_asked_for_later_is_judged(config, finished, run_folder):
    floor = run_folder.scores("both@3", "validation/storybook.floor")
    judged, whole = floor.read_text(), scores(run_folder, "both@3")
    floor.unlink()
    list(evaluate.run(replace(config, floor=False), run_folder))
    assert not floor.exists()
    list(evaluate.run(config, run_folder))
    assert sorted(floor.read_text().splitlines()) == sorted(judged.splitlines())
    assert scores(run_folder, "both@3") == whole


def test_pictures_of_before_keep_their_names(config, finished, run_folder):
    folder = run_folder.pictures("both@3")
    records = read_records(folder / "metadata.jsonl", Picture)
    for record in records:
        (folder / record.file_name).rename(folder / f"{record.prompt_id}-0.png")
    write_records(folder / "metadata.jsonl", [
        replace(record, file_name=f"{record.prompt_id}-0.png") for record in records])
    before = sorted(folder.iterdir())
    (folder / "validation-counting-000-0.png").unlink()
    assert list(evaluate.run(config, run_folder))[-1].kind == "done"
    assert sorted(folder.iterdir()) == before


def test_what_is_missing_beside_the_scores_is_made_again(config, finished, run_folder):
    folder = run_folder.pictures("both@3")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    (folder / "metadata.jsonl").unlink()
    list(evaluate.run(config, run_folder))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_scores_of_which_nobody_knows_what_made_them_are_not_trusted(config, finished, run_folder):
    run_folder.scores("base@1", "validation/storybook.recipe").with_suffix(".json").unlink()
    with pytest.raises(EngineError, match="scores of base@1 .*Set replace"):
        list(evaluate.run(config, run_folder))
    list(evaluate.run(replace(config, replace=True), run_folder))
    assert scores(run_folder, "base@1") == scores(finished[0], "base@1")
