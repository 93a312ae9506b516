"""What people edit in images/<skill>/ is what the expert learns from; the rest stays to the bit."""
import json
import os
import shutil

import pytest
import torch
from PIL import Image

from engine import experts
from engine.core import picture_folder
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.experts import edits, latents
from engine.models import diffusion, tensor_files
from engine.models.autoencoder import to_pixels
from engine.models.lora import expert_files
from tests.experts.worlds import config, paint_pictures


@pytest.fixture(scope="module")
def painter(base):
    return diffusion.load(str(base), device="cpu")


@pytest.fixture
def folder(store):
    """The pictures of `counting`, of which the stage has read how they were painted."""
    latents.hashes(store, ["counting"])
    return store.images("counting")


def read(store, painter):
    """Encode what changed and load the rest, as the pool does; the events too."""
    events = list(edits.encode(store.images("counting"), latents.curated_folder(store, "counting"),
                               painter))
    return latents.load(store, "counting", painter), [event.text for event in events]


def lines(folder):
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def write_lines(folder, found):
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in found))


def black(path):
    Image.new("RGB", (64, 64)).save(path)


def test_what_nobody_edited_is_what_was_painted(store, folder, painter, monkeypatch):
    monkeypatch.setattr(painter, "encode", lambda *_: pytest.fail("nothing changed"), raising=False)
    stored, _ = tensor_files.read(folder / "latents.safetensors")
    for file in folder.glob("*.png"):
        os.utime(file)
    (encoded, told) = read(store, painter)
    assert told == [] and torch.equal(encoded.latents, stored["latents"])
    sha256 = tensor_files.sha256(folder / "latents.safetensors")
    assert latents.hashes(store, ["counting"]) == {"counting": sha256}
    assert latents.curated_folder(store, "counting").summary() == "" and not (folder / "edited").exists()


def test_a_replaced_picture_alone_is_encoded_again(store, folder, painter, monkeypatch):
    before = latents.hashes(store, ["counting"])
    stored, _ = tensor_files.read(folder / "latents.safetensors")
    black(folder / "3.png")
    assert latents.hashes(store, ["counting"]) != before
    encoded, told = read(store, painter)
    assert told == ["Encoded 1 of 1 edited pictures."]
    expected = painter.encode(to_pixels([Image.open(folder / "3.png")], painter.size_pixels))[0]
    torch.testing.assert_close(encoded.latents[3], expected)
    others = [i for i in range(8) if i != 3]
    assert torch.equal(encoded.latents[others], stored["latents"][others])
    assert torch.equal(encoded.text["embeddings"], stored["embeddings"])
    monkeypatch.setattr(painter, "encode", lambda *_: pytest.fail("it is on disk"), raising=False)
    assert read(store, painter)[1] == []


def test_what_is_put_back_is_what_was_painted(store, folder):
    before, own = latents.hashes(store, ["counting"]), (folder / "3.png").read_bytes()
    black(folder / "3.png")
    assert latents.hashes(store, ["counting"]) != before
    (folder / "3.png").write_bytes(own)
    assert latents.hashes(store, ["counting"]) == before


def test_a_picture_with_an_old_date_and_the_same_size_is_seen(store, folder):
    """As `cp -p` leaves one: neither its date nor its size has moved, but its change time has."""
    before, file = latents.hashes(store, ["counting"]), folder / "3.png"
    stat, data = file.stat(), bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.stat().st_size == stat.st_size and file.stat().st_mtime_ns == stat.st_mtime_ns
    assert latents.hashes(store, ["counting"]) != before


@pytest.mark.parametrize("how", ["file", "line"])
def test_what_is_taken_out_is_left_out_and_told(store, folder, painter, how):
    stored, _ = tensor_files.read(folder / "latents.safetensors")
    if how == "file":
        (folder / "3.png").unlink()
    else:
        write_lines(folder, [line for line in lines(folder) if line["file_name"] != "3.png"])
    encoded, told = read(store, painter)
    others = [i for i in range(8) if i != 3]
    assert torch.equal(encoded.latents, stored["latents"][others])
    assert told == [] and len(encoded.texts) == 7
    assert latents.curated_folder(store, "counting").summary() == "1 taken out (3.png)"


def test_an_edited_caption_is_read_again_and_its_picture_is_not(store, folder, painter,
                                                                monkeypatch):
    monkeypatch.setattr(painter, "encode", lambda *_: pytest.fail("no picture changed"),
                        raising=False)
    stored, _ = tensor_files.read(folder / "latents.safetensors")
    found = lines(folder)
    found[2]["text"] = "three green boats"
    write_lines(folder, found)
    encoded, told = read(store, painter)
    assert told == ["Encoded 1 of 1 edited captions."] and encoded.texts[2] == "three green boats"
    expected = painter.embed(["three green boats"])["embeddings"][0].to(encoded.text["embeddings"].dtype)
    torch.testing.assert_close(encoded.text["embeddings"][2], expected)
    assert torch.equal(encoded.latents, stored["latents"])
    assert latents.curated_folder(store, "counting").summary() == "1 with another caption (2.png)"


def test_a_picture_of_ones_own_needs_a_file_and_a_line(store, folder, painter):
    Image.new("RGB", (100, 50), "green").save(folder / "mine.png")
    told = latents.curated_folder(store, "counting").summary()
    assert told == "1 left out for want of a line in metadata.jsonl (mine.png)"
    write_lines(folder, [*lines(folder), {"file_name": "mine.png", "text": "a green field"}])
    encoded, told = read(store, painter)
    assert len(encoded.texts) == 9 and encoded.texts[-1] == "a green field"
    assert encoded.latents[-1].abs().max() > 0
    assert told == ["Encoded 1 of 1 edited pictures.", "Encoded 1 of 1 edited captions."]


def test_an_end_in_the_middle_loses_a_few_at_most(store, folder, painter, monkeypatch):
    monkeypatch.setattr(edits, "AT_ONCE", 2)
    for i in range(5):
        Image.new("RGB", (64, 64), (0, 50 * i, 99)).save(folder / f"{i}.png")
    encoding = edits.encode(folder, latents.curated_folder(store, "counting"), painter)
    assert next(encoding).text == "Encoded 2 of 5 edited pictures."
    encoding.close()
    assert read(store, painter)[1] == ["Encoded 2 of 3 edited pictures.",
                                       "Encoded 3 of 3 edited pictures."]
    assert not list(folder.rglob(".writing-*"))


def test_another_expert_comes_of_other_pictures_and_must_be_asked_for(store, base):
    asked = config(base, experts={"counting": ["counting"]}, steps=2)
    list(experts.run(asked, store))
    before = expert_files.read(store.expert("counting"))
    black(store.images("counting") / "3.png")
    (store.images("counting") / "5.png").unlink()
    with pytest.raises(EngineError, match=r"images as they were -> .*set replace"):
        list(experts.run(asked, store))
    asked = config(base, experts=asked.experts, steps=2, replace=True)
    told = [event.text for event in experts.run(asked, store)]
    assert "Read 7 pictures of counting. By hand: 1 taken out (5.png), 1 replaced (3.png)." in told
    after = expert_files.read(store.expert("counting"))
    assert after.recipe["images"] != before.recipe["images"]
    assert (after.recipe["pictures"], after.recipe["held_out_pictures"]) == (5, 2)
    assert any(not torch.equal(after.expert[path].b, factors.b)
               for path, factors in before.expert.items())


def test_an_expert_of_before_there_were_records_is_still_finished(store, base):
    asked = config(base, experts={"counting": ["counting"]}, steps=1)
    list(experts.run(asked, store))
    (store.images("counting") / picture_folder.RECORD).unlink()
    assert [event.kind for event in experts.run(asked, store)] == ["done"]


@pytest.mark.parametrize(("spoil", "sentence"), [
    (lambda folder: (folder / "3.png").write_bytes(b"no picture"),
     "3.png is damaged"),
    (lambda folder: write_lines(folder, [{"file_name": "../../x.png"}]),
     "which is no file of this folder"),
    (lambda folder: write_lines(folder, []), "Nothing is left .*'counting'"),
])
def test_what_cannot_be_learned_from_is_told(store, folder, painter, spoil, sentence):
    spoil(folder)
    with pytest.raises(EngineError, match=sentence):
        read(store, painter)


def test_a_copy_of_the_run_is_the_same_run(store, folder, tmp_path):
    shutil.copytree(store.folder, tmp_path / "copy")
    ours, copied = (latents.hashes(one, ["counting"]) for one in (store, Store(tmp_path / "copy")))
    assert copied == ours


def test_pictures_of_another_world_beside_these_are_nobodys_business(tmp_path, base):
    store = Store(tmp_path / "run")
    paint_pictures(store, "test_places", base)
    assert store.images("test_places").name == "~test~_places"
    assert latents.hashes(store, ["test_places"])
