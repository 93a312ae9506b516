"""What lies beside the scores: kept pictures that are still those that were judged, and floors."""
from dataclasses import replace

from PIL import Image

from engine import evaluate
from engine.core.imagefolder import file_name
from engine.core.store import read_records, write_records
from engine.core.types import Picture
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
