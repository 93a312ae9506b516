"""Files of prompts as people bring them: read where the meaning is plain, else refused by place,
never to be deleted.
"""
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import prompt_files, store
from engine.core.errors import EngineError
from engine.core.types import Prompt

RECORDS = [
    {"id": "a-1", "skill": "dogs", "text": "two old dogs"},
    {"id": "a-2", "skill": "dogs", "text": "a caf\u00e9 at night, \u201copen\u201d"},
]
TEXTS = [record["text"] for record in RECORDS]
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)
PLAIN = "".join(f"{text}\n" for text in TEXTS)


@pytest.fixture
def written(tmp_path):
    def write(content, name="mine.jsonl"):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return prompt_files.read(tmp_path / name)

    return write


def lines(records, **options):
    return "".join(json.dumps(record, **options) + "\n" for record in records)


SAME = {
    "as the stage writes them": LINES,
    "a mark": LINES.encode("utf-8-sig"),
    "utf-16": LINES.encode("utf-16"),
    "utf-16 big endian": b"\xfe\xff" + LINES.encode("utf-16-be"),
    "utf-16 without a mark": LINES.encode("utf-16-le"),
    "utf-16 big endian without a mark": LINES.encode("utf-16-be"),
    "utf-32": LINES.encode("utf-32"),
    "windows": LINES.encode("cp1252"),
    "windows lines": LINES.replace("\n", "\r\n"),
    "old mac lines": LINES.replace("\n", "\r"),
    "no last line end": LINES.rstrip("\n"),
    "blank lines": "\n" + LINES.replace("\n", "\n  \n\n"),
    "escaped": lines(RECORDS),
    "a list": json.dumps(RECORDS),
    "a list over lines": json.dumps(RECORDS, indent=2) + "\n\n",
    "a list with a mark": json.dumps(RECORDS).encode("utf-8-sig"),
    "in an object": json.dumps({"prompts": RECORDS}),
    "beside other things": json.dumps({"version": 1, "items": RECORDS}, indent=1),
    "prompt": LINES.replace('"text"', '"prompt"'),
    "Prompt": LINES.replace('"text"', '"Prompt"'),
    "caption": LINES.replace('"text"', '"caption"'),
    "other fields": lines([record | {"mood": "calm", "tags": [1]} for record in RECORDS]),
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_records_are_read_in_any_plain_shape(written, content):
    assert written(content) == [Prompt(**record) for record in RECORDS]


NAMELESS = {
    "no ids": (lines([{"text": text} for text in TEXTS]), "mine.jsonl"),
    "empty ids": (lines([{"text": text, "id": "", "skill": None} for text in TEXTS]), "mine.jsonl"),
    "a list of texts": (json.dumps(TEXTS), "mine.json"),
    "texts in an object": (json.dumps({"prompts": TEXTS}), "mine.json"),
    "a text a line, in quotes": (lines(TEXTS), "mine.jsonl"),
    "a text a line": (PLAIN, "mine.txt"),
    "a text a line, by the stage's name": (PLAIN, "mine.jsonl"),
    "blank lines and spaces": ("\n\n" + PLAIN.replace("\n", "  \r\n\r\n"), "mine.txt"),
    "from Notepad": (PLAIN.encode("utf-16"), "mine.txt"),
    "from Notepad, ANSI": (PLAIN.encode("cp1252"), "mine.txt"),
    "a table": (f'text,mood\n{TEXTS[0]},calm\n"{TEXTS[1]}",\n', "mine.csv"),
    "a table of Windows": (f"\ufeffPrompt;Mood\r\n{TEXTS[0]};calm\r\n{TEXTS[1]};\r\n", "mine.csv"),
    "tabs": (f"Prompt\tCategory\n{TEXTS[0]}\tdogs\n\n{TEXTS[1]}\tplaces\n", "mine.tsv"),
}


@pytest.mark.parametrize(("content", "name"), NAMELESS.values(), ids=NAMELESS)
def test_prompts_without_names_get_them(written, content, name):
    found = written(content, name)
    assert [prompt.text for prompt in found] == TEXTS
    assert {prompt.skill for prompt in found} == {"mine"} and len(
        {prompt.id for prompt in found}
    ) == 2
    assert found == written(content, name) and all(
        prompt.id.startswith("mine-") for prompt in found
    )


def test_one_text_twice_is_two_prompts(written):
    first, second, third = written("a ball\na star\na ball\n", "mine.txt")
    assert first.id != third.id and third.id == f"{first.id}-2" and second.id.count("-") == 1


def test_nothing_is_nothing(written, tmp_path):
    assert prompt_files.read(tmp_path / "none.jsonl") == []
    assert [
        written(empty) for empty in ("", "\n \n", b"\xef\xbb\xbf", "[]", '{"prompts": []}')
    ] == [[]] * 5
    assert written("text\n", "mine.csv") == []


@pytest.mark.parametrize(
    "text",
    [
        '"Stop" on a sign\n"Go" on another\n',
        "[photo] a dog\n[photo] a cat\n",
        "{a dog}\na cat\n",
        "5 dogs\n6 cats\n",
    ],
)
def test_prompts_may_begin_with_any_sign(written, text):
    assert [prompt.text for prompt in written(text, "mine.txt")] == text.splitlines()


WRONG = {
    "no text": (lines([RECORDS[0], {"id": "a-2"}]), "line 2, has no text, only id"),
    "a number": (lines([RECORDS[0], {"text": 5}]), "line 2, has 5 for its text"),
    "null": (lines([{"text": None}]), "has null for its text"),
    "blank": (lines([{"text": " "}]), 'has " " for its'),
    "a list for a text": (lines([RECORDS[0], {"text": ["a"]}]), r'has \["a"\] for its text'),
    "a number in a list": (json.dumps([*TEXTS, 5]), "prompt 3, is 5, no prompt"),
    "a list in a list": (json.dumps([TEXTS, TEXTS]), "prompt 1, is .*, no prompt"),
    "an id that is a list": (lines([{"text": "a", "id": []}]), r"has \[\] for its id"),
    "an id that is true": (lines([{"text": "a", "id": True}]), "has true for its id"),
    "a skill that is a number of its own kind": (
        lines([{"text": "a", "skill": 1.5}]),
        "has 1.5 for its skill",
    ),
    "a novelty of words": (lines([{"text": "a", "novelty": "high"}]), 'has "high" for its novelty'),
    "a novelty that is none": ('{"text": "a", "novelty": NaN}', "has NaN for its novelty"),
    "half a character": ('{"text": "a \\ud83d ball"}', "for its text"),
    "cut": (LINES[:-8], "line 2, is no JSON"),
    "a comma forgotten": (LINES.replace(', "text"', ' "text"', 1), "is no JSON"),
    "a list cut": (json.dumps(RECORDS)[:-3], "is no JSON list"),
    "an object cut": (json.dumps({"a": TEXTS}, indent=1)[:-3], "is no JSON"),
    "text and records": ("a dog\n" + LINES, "line 1, is no JSON, but line 2 is"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is not UTF-8"),
    "russian in one byte": (
        "\u0442\u0440\u0438 \u0448\u0430\u0440\u0430\n".encode("cp1251"),
        "line 1, is not UTF-8 .byte 0xF2",
    ),
    "polish in one byte": (
        "a dog\nbia\u0142y kot\n".encode("cp1250"),
        "line 2, is not UTF-8 .byte 0xB3",
    ),
    "half a character of utf-16": (b"\xff\xfea\x00\x00\xd8", "is not UTF-16"),
    "null bytes": (b"a\x00b c d e", "control character U.0000"),
    "a huge number": ('{"text": ' + "9" * 5000 + "}", "is no JSON"),
}


@pytest.mark.parametrize(("content", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_not_plain_is_refused_by_its_place(written, content, sentence):
    with pytest.raises(EngineError, match=sentence) as caught:
        written(content)
    said = str(caught.value)
    assert (
        "mine.jsonl" in said
        and said.endswith(".")
        and "delete" not in said.lower()
        and "damaged" not in said
    )


def test_a_text_file_of_broken_json_is_no_list_of_texts(written):
    for broken in ('["a ball", "a star"', '{"text": "a ball"'):
        with pytest.raises(EngineError, match="is no JSON"):
            written(broken, "mine.txt")


def test_tables_without_prompts_and_folders_are_refused(written, tmp_path):
    with pytest.raises(EngineError, match="no column of prompts, only name, mood"):
        written("name,mood\na,b\n", "mine.csv")
    with pytest.raises(EngineError, match="is no table"):
        written("text\n" + "a" * 200_000 + "\n", "mine.csv")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(EngineError, match="cannot be read"):
        prompt_files.read(tmp_path / "folder.jsonl")


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
        max_size=4,
    )
)
def test_what_the_stage_writes_comes_back_as_it_was(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("prompts") / "any.jsonl"
    prompts = [
        Prompt(f"any-{number}", "any", text, "writer", 0.25) for number, text in enumerate(texts)
    ]
    store.write_records(path, prompts)
    assert prompt_files.read(path) == prompts


@given(st.binary(max_size=80), st.sampled_from(["mine.jsonl", "mine.txt", "mine.csv"]))
def test_any_bytes_are_prompts_or_a_sentence(tmp_path_factory, data, name):
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(data)
    try:
        prompts = prompt_files.read(path)
    except EngineError as error:
        assert str(path) in str(error)
    else:
        store.write_records(path.with_suffix(".copy"), prompts)
