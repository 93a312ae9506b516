"""A folder is held against what was painted: by size and times, by the bytes where these moved."""
import time

import pytest
from PIL import Image

from engine.core import edited_pictures, picture_folder
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import Store, write_records
from engine.core.types import Picture, Prompt


@pytest.fixture
def folder(tmp_path):
    """Four pictures of two prompts, and no record of them yet."""
    store = Store(tmp_path)
    write_records(store.prompts("counting"),
                  [Prompt(f"p{i}", "counting", f"balls {i}") for i in range(2)])
    folder = store.images("counting")
    folder.mkdir(parents=True)
    for i in range(4):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(folder / f"{i:05d}.png")
    write_records(folder / "metadata.jsonl",
                  [Picture(f"{i:05d}.png", f"p{i % 2}", f"balls {i % 2}", i) for i in range(4)])
    return folder


def curated(folder):
    return picture_folder.curated_folder(folder, picture_folder.originals(folder))


def test_what_has_no_record_is_taken_as_it_lies_there(folder):
    known = picture_folder.begin(folder, ["x", "x", "y", "y"], {})
    assert known == picture_folder.originals(folder)
    assert [one.shard for one in known] == ["x", "x", "y", "y"]
    assert all(one.sha256 == file_hash(folder / one.file_name) for one in known)
    assert not curated(folder).is_edited and curated(folder).summary() == ""


def test_captions_edited_before_there_were_records_are_seen_by_the_prompts(folder):
    prompts = Store(folder.parents[1]).prompts("counting")
    lines = (folder / "metadata.jsonl").read_text()
    (folder / "metadata.jsonl").write_text(lines.replace("balls 0", "boats 0", 1))
    picture_folder.begin(folder, ["x"] * 4, {"prompts' sha256": file_hash(prompts)})
    assert curated(folder).recaptioned == ["00000.png"]
    picture_folder.begin(folder, ["x"] * 4, {"prompts' sha256": "of other prompts"})
    assert curated(folder).recaptioned == []


def test_lines_taken_out_before_there_were_records_are_seen_by_the_rows(folder):
    lines = (folder / "metadata.jsonl").read_text().splitlines(keepends=True)
    (folder / "metadata.jsonl").write_text("".join(lines[:1] + lines[2:]))
    picture_folder.begin(folder, ["x"] * 4, {})
    found = curated(folder)
    assert found.missing == ["00001.png"] and [one.row for one in found.pictures] == [0, 2, 3]


def test_a_file_is_read_again_only_where_its_times_moved(folder, monkeypatch):
    picture_folder.begin(folder, ["x"] * 4, {})
    read = []
    monkeypatch.setattr(picture_folder, "file_hash",
                        lambda file: read.append(file.name) or file_hash(file))
    now = time.time_ns()
    monkeypatch.setattr(picture_folder.time, "time_ns", lambda: now + 10**10)
    curated(folder)
    read.clear()
    curated(folder)
    assert read == [], "ten seconds later nothing has moved"
    monkeypatch.undo()
    Image.new("RGB", (9, 9)).save(folder / "00002.png")
    assert curated(folder).repainted == ["00002.png"]


def test_the_record_is_the_same_wherever_it_is_made(folder):
    before = picture_folder.begin(folder, ["x"] * 4, {})
    data = (folder / picture_folder.RECORD).read_bytes()
    curated(folder)
    assert (folder / picture_folder.RECORD).read_bytes() == data
    assert before == picture_folder.begin(folder, ["x"] * 4, {})


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "..\\x.png", "C:/x.png", ""])
def test_a_line_leads_nowhere_else(folder, name):
    with pytest.raises(EngineError, match="no file of its folder.*Correct"):
        picture_folder.path_inside(folder, name)


def test_many_names_are_told_in_a_few(folder):
    assert edited_pictures.enumeration(["a", "b"]) == "a, b"
    assert edited_pictures.enumeration(list("abcde")) == "a, b, c and 2 more"
