"""The images stage leaves what people made of its pictures, unless it is asked to paint anew."""
import json
from dataclasses import replace

import pytest
from PIL import Image

from engine import images
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.picture_folder import RECORD
from engine.core.store import Store
from engine.experts import latents
from engine.models import diffusion, tensor_files
from tests.images.runs import files, records, tensors, with_prompts


@pytest.fixture
def folder(config, store):
    list(images.run(config, store))
    return store.images("counting")


def black(path):
    Image.new("RGB", (64, 64)).save(path)
    return path.read_bytes()


def lines(folder):
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def write_lines(folder, found):
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in found))


def test_every_picture_is_recorded_as_it_was_painted(folder):
    found = [json.loads(line) for line in (folder / RECORD).read_text().splitlines()]
    assert [one["file_name"] for one in found] == [line["file_name"] for line in lines(folder)]
    assert all(one["sha256"] == file_hash(folder / one["file_name"]) for one in found)


def test_started_again_it_paints_nothing_over(config, store, folder, monkeypatch):
    mine = black(folder / "00001.png")
    (folder / "00002.png").unlink()
    edited = lines(folder)
    edited[3]["text"] = "my own words"
    write_lines(folder, edited)
    before = files(store)
    monkeypatch.setattr(diffusion, "load", lambda *_: pytest.fail("a model was loaded"))
    last = list(images.run(config, store))[-1].text
    assert files(store) == before and (folder / "00001.png").read_bytes() == mine
    assert "counting, by hand: 1 taken out (00002.png), 1 replaced (00001.png)" in last
    assert "1 with another caption (00003.png)" in last


def test_more_prompts_leave_what_people_did(config, store, folder, tmp_path):
    """The last shard is painted again, as it was not full; its picture is someone's own now."""
    mine = black(folder / "00004.png")
    (folder / "00000.png").unlink()
    Image.new("RGB", (64, 64), "green").save(folder / "mine.png")
    edited = lines(folder)
    edited[3] |= {"text": "my own words", "note": "what others need not know"}
    write_lines(folder, [*edited, {"file_name": "mine.png", "text": "a field"}])
    list(images.run(config, with_prompts(store, 7)))
    assert (folder / "00004.png").read_bytes() == mine and not (folder / "00000.png").exists()
    assert len(tensors(store)["latents"]) == 7, "the originals, whatever became of them"
    found = {line["file_name"]: line for line in lines(folder)}
    assert found["00003.png"]["text"] == "my own words" and found["00003.png"]["note"]
    assert found["mine.png"] == {"file_name": "mine.png", "text": "a field"} and len(found) == 8
    assert records(store)[-1].text == "a field" and (folder / "mine.png").exists()


def test_replace_paints_anew_what_was_edited_and_keeps_what_was_added(config, store, folder):
    before = files(store)
    black(folder / "00001.png")
    (folder / "00002.png").unlink()
    Image.new("RGB", (64, 64), "green").save(folder / "mine.png")
    own = {"file_name": "mine.png", "text": "a field"}
    write_lines(folder, [*lines(folder)[:4], own])
    list(images.run(replace(config, replace=True), store))
    after = files(store)
    assert lines(folder)[-1] == own and len(after.pop("mine.png"))
    same = {name: data for name, data in after.items() if name not in ("metadata.jsonl",)}
    assert same == {name: data for name, data in before.items() if name != "metadata.jsonl"}
    list(images.run(replace(config, replace=True, guidance=3.0), store))
    assert (folder / "mine.png").exists() and lines(folder)[-1] == own
    assert [line["guidance"] for line in lines(folder)[:-1]] == [3.0] * 5


@pytest.mark.parametrize("edit", [lambda folder: black(folder / "00003.png"),
                                  lambda folder: (folder / "00003.png").unlink()])
def test_prompts_that_moved_do_not_undo_it(config, store, folder, edit):
    edit(folder)
    before = files(store)
    text = store.prompts("counting").read_text().splitlines(keepends=True)
    store.prompts("counting").write_text("".join(text[1:]))
    with pytest.raises(EngineError,
                       match=r"by hand \(00003.png\).* set replace"):
        list(images.run(config, store))
    assert files(store) == before
    list(images.run(replace(config, replace=True), store))
    assert [record.text for record in records(store)] == [f"red balls {i}" for i in range(1, 5)]


def test_a_name_that_will_be_painted_is_not_taken(config, store, folder):
    black(folder / "00005.png")
    write_lines(folder, [*lines(folder), {"file_name": "00005.png", "text": "mine"}])
    with pytest.raises(EngineError, match="00005.png of counting came by hand"):
        list(images.run(config, with_prompts(store, 7)))


def test_what_is_deleted_while_it_paints_stays_deleted(config, store):
    running = images.run(replace(config, batch_size=1), store)
    next(event for event in running if event.data.get("files"))
    running.close()
    (store.images("counting") / "00000.png").unlink()
    list(images.run(config, store))
    assert not (store.images("counting") / "00000.png").exists()
    assert len(records(store)) == 5 and len(tensors(store)["latents"]) == 5


def test_a_run_painted_before_there_were_records_goes_on(config, store, folder):
    before = files(store)
    (folder / RECORD).unlink()
    edited = lines(folder)
    edited[2]["text"] = "words of before"
    write_lines(folder, edited)
    last = list(images.run(config, store))[-1].text
    assert "1 with another caption (00002.png)" in last, "the prompts say what was painted"
    assert files(store)[RECORD] == before[RECORD]


def test_lost_latents_are_made_again_and_no_edit_is_undone(config, store, folder):
    before = tensors(store)
    mine = black(folder / "00001.png")
    (folder / "00002.png").unlink()
    (folder / "latents.safetensors").unlink()
    list(images.run(config, store))
    assert (folder / "00001.png").read_bytes() == mine and not (folder / "00002.png").exists()
    assert all((tensors(store)[name] == tensor).all() for name, tensor in before.items())


def test_an_end_while_all_is_put_together_loses_nothing(config, store, folder, tmp_path,
                                                        monkeypatch):
    write = tensor_files.write

    def ends(file, *given):
        if file.name == "latents.safetensors":
            raise KeyboardInterrupt
        write(file, *given)
    with_prompts(store, 7)
    with monkeypatch.context() as patch:
        patch.setattr(tensor_files, "write", ends)
        with pytest.raises(KeyboardInterrupt):
            list(images.run(config, store))
    with pytest.raises(EngineError,
                       match="put together. Run the images stage"):
        latents.curated_folder(store, "counting")
    list(images.run(config, store))
    at_once = with_prompts(Store(tmp_path / "at_once"), 7)
    list(images.run(config, at_once))
    assert files(store) == files(at_once) and not latents.curated_folder(store, "counting").is_edited
