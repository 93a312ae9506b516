"""What is read is held to its types; what does not fit is named by file, line and field."""
import errno
import json
import os
import time
from pathlib import Path

import pytest

from engine.core import files, store
from engine.core.errors import EngineError
from engine.core.types import Picture, Prompt, Score

PROMPTS = [Prompt("counting-1", "counting", "two red balls"),
           Prompt("counting-2", "counting", "drei Bälle")]


@pytest.mark.parametrize("line, field", [
    ('{"id": "1", "skill": "x", "text": 5}', "text is 5; it must be of type str"),
    ('{"id": "1", "skill": "x", "text": null}', "text is None; it must be of type str"),
    ('{"id": "1", "skill": "", "text": "", "novelty": "x"}', "novelty is 'x'; it must be of type"),
    ('{"id": "1", "skill": "", "text": "", "novelty": true}', "novelty is True; it must be of"),
    ('{"id": "1", "skill": "", "text": "", "novelty": NaN}', "novelty is nan; it must be a finite"),
    ('{"id": "1", "skill": "x", "text": "a", "novelty": 1e999}', "novelty is inf"),
    ('{"id": "1", "skill": "x", "text": "\\ud800"}', "half a character"),
    ('{"id": "1", "skill": "x"}', "text is missing"),
    ("[" * 2000 + "]" * 2000, "nested too deep"), ("9" * 9000, "4300 digits"),
    ("5", "is 5; it must be of type dict")])
def test_a_record_of_another_type_is_named_with_its_line_and_field(tmp_path, line, field):
    path = tmp_path / "prompts.jsonl"
    store.write_records(path, PROMPTS)
    with open(path, "a") as file:
        file.write(line + "\n")
    told = r"prompts.jsonl, line 3.*Delete the line"
    with pytest.raises(EngineError, match=told) as caught:
        store.read_records(path, Prompt)
    assert field in str(caught.value)


def test_whole_numbers_are_numbers_and_numbers_that_are_whole_are_whole_numbers(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "skill": "x", "text": "a", "novelty": 1}\n')
    assert repr(store.read_records(path, Prompt)[0].novelty) == "1.0"
    path.write_text('{"prompt_id": "1", "seed": 7.0, "judge": "j", "value": null}\n')
    found, = store.read_records(path, Score)
    assert repr(found.seed) == "7" and found.value is None


QUESTION = {"id": 1, "yes": True, "parents": [], "category": "entity", "text": "a ball?"}
SEEN = {"things": [{"kind": "ball", "colour": None}], "background": None, "style": "filled",
        "flags": []}


@pytest.mark.parametrize("evidence, sentence", [
    ([], r"evidence is \[\]; .*of type dict"), (None, "evidence is None"),
    ({"questions": {}}, r"questions is \{\}; .*of type list"),
    ({"questions": [5]}, "questions is 5; it must be of type dict"),
    ({"questions": [{**QUESTION, "yes": "no"}]}, "questions: yes is 'no'; .*of type bool"),
    ({"questions": [{"id": 1}]}, "questions: category is missing"),
    ({"seen": {**SEEN, "things": [{"kind": ["a"], "colour": None}]}}, r"things: kind is \['a'\]"),
    ({"seen": {}}, "seen: things is missing"),
    ({"pooled": "x"}, "pooled holds no 8 x 8 picture"),
    ({"skill": []}, r"skill is \[\]"), ({"exact": "yes"}, "exact is 'yes'")])
def test_evidence_is_what_summaries_read(tmp_path, evidence, sentence):
    path = tmp_path / "scores.jsonl"
    store.write_records(path, [Score("a", 1, "j", 0.5, evidence)])
    with pytest.raises(EngineError, match="line 1, is damaged") as caught:
        store.read_records(path, Score)
    caught.match(sentence)


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "", "a\0.png", "x" * 300, "."])
def test_a_picture_lies_in_its_folder(tmp_path, name):
    picture = Picture(name, "1", "a ball", 1, "storybook", "ddim", 3.5, 20)
    store.write_records(tmp_path / "metadata.jsonl", [picture])
    with pytest.raises(EngineError, match="which is no file of this folder"):
        store.read_records(tmp_path / "metadata.jsonl", Picture)


def test_marks_and_blank_lines_are_no_damage(tmp_path):
    path = tmp_path / "prompts.jsonl"
    store.write_records(path, PROMPTS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert store.read_records(path, Prompt) == PROMPTS
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert store.read_json(tmp_path / "a.json") == [1]


def test_folders_and_files_that_may_not_be_read_are_sentences(tmp_path, monkeypatch):
    for read in (lambda path: store.read_records(path, Prompt), store.read_json, store.read_object):
        with pytest.raises(EngineError, match=f"{tmp_path} is a folder.*Delete it"):
            read(tmp_path)

    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    (tmp_path / "a.json").write_text("{}")
    monkeypatch.setattr(Path, "read_text", forbidden)
    told = r"a.json .*Permission denied.*Delete it"
    with pytest.raises(EngineError, match=told):
        store.read_json(tmp_path / "a.json")


def test_an_object_is_held_to_what_is_asked_of_it(tmp_path):
    path = tmp_path / "recipe.json"
    store.write_json(path, {"recipe": {"steps": 3}, "rank": 4.0, "more": [1]})
    found = store.read_object(path, recipe=dict, rank=int, base=dict | None)
    assert found == {"recipe": {"steps": 3}, "rank": 4, "more": [1], "base": None}
    for wanted, sentence in (({"recipe": list[str]}, "recipe is {'steps': 3}; it must be of"),
                             ({"weights": dict[str, float]}, "weights is missing"),
                             ({"more": list[str]}, "more is 1; it must be of type str")):
        told = "recipe.json is damaged .*Delete it"
        with pytest.raises(EngineError, match=told) as caught:
            store.read_object(path, **wanted)
        assert sentence in str(caught.value)
    store.write_json(path, [])
    with pytest.raises(EngineError, match="must be of type dict"):
        store.read_object(path)


def test_what_a_person_has_written_is_to_be_corrected_and_not_deleted(tmp_path):
    path = tmp_path / "own.jsonl"
    for content in (b"{}\n", b"\xff\xfe{\0", b"["):
        path.write_bytes(content)
        with pytest.raises(EngineError, match="own.jsonl.*Correct it") as caught:
            store.read_records(path, Prompt, "Correct it")
        assert "Delete" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "x" * 5000, "a\0b", "~no-such-user-here/x"])
def test_what_is_no_path_is_a_sentence(text):
    with pytest.raises(EngineError, match="Name a"):
        files.path_of(text)


def test_records_are_read_fast(tmp_path):
    """Held to their types, 20,000 prompts cost little more than parsing and making them does."""
    path = tmp_path / "prompts.jsonl"
    many = [Prompt(f"p{n}", "x", f"two red balls and {n} stars") for n in range(20_000)]
    store.write_records(path, many)

    def plain():
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Prompt(**json.loads(line)) for line in lines]

    def seconds(read):
        begun = time.process_time()
        assert len(read()) == 20_000
        return time.process_time() - begun
    theirs = min(seconds(plain) for _ in range(3))
    ours = min(seconds(lambda: store.read_records(path, Prompt)) for _ in range(3))
    assert ours < 3 * theirs, f"{ours:.2f} s against {theirs:.2f} s"
