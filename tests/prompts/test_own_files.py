"""A person's own file of prompts, as their editor saved it, means the same to every stage."""
import json

import pytest

from engine import images, prompts
from engine.core import prompt_files
from engine.core.errors import EngineError
from engine.core.store import read_records
from engine.core.types import Picture
from engine.evaluate import Config as Evaluate
from engine.evaluate import prompt_sets
from engine.prompts import Config
from tests.tiny_models import tiny_stable_diffusion

TEXTS = ["a dog on a skateboard", "a caf\u00e9 at night"]
FILES = {
    "utf-16": "".join(json.dumps({"prompt": text}) + "\r\n" for text in TEXTS).encode("utf-16"),
    "a mark and a blank line": "\ufeff"
    + "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
    + "\n",
    "a list": json.dumps(TEXTS),
    "a text a line": "\n".join(TEXTS),
    "windows": "\n".join(TEXTS).encode("cp1252"),
}


def put(store, content):
    path = store.prompts("counting")
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_one_s_own_file_is_used_as_it_is_by_every_stage(grammar, store, content):
    path = put(store, content)
    before = path.read_bytes()
    (last,) = prompts.run(Config(("counting",), "grammar", count=60, replace=True), store)
    assert last.text == "2 prompts for counting; your own for counting, used as they are."
    assert last.kind == "done"
    assert path.read_bytes() == before and not grammar.calls
    found = prompt_files.read(path)
    assert [prompt.text for prompt in found] == TEXTS
    assert prompt_sets.prompts_of(Evaluate(prompts=str(path))) == {"counting": found}


def test_pictures_are_painted_of_one_s_own_file(store, tmp_path):
    put(store, FILES["utf-16"])
    base = str(tiny_stable_diffusion(tmp_path / "base"))
    list(images.run(images.Config(("counting",), model=base, steps=1), store))
    painted = read_records(store.images("counting") / "metadata.jsonl", Picture)
    found = prompt_files.read(store.prompts("counting"))
    assert [(picture.text, picture.prompt_id) for picture in painted] == [
        (prompt.text, prompt.id) for prompt in found
    ]


def test_one_that_cannot_be_read_is_refused_by_every_stage_and_kept(grammar, store, tmp_path):
    path = put(store, '{"text": "a ball"}\n{"text": 5}\n')
    base = str(tiny_stable_diffusion(tmp_path / "base"))
    for ask in (
        lambda: list(prompts.run(Config(("counting",), "grammar"), store)),
        lambda: list(images.run(images.Config(("counting",), model=base, steps=1), store)),
        lambda: prompt_sets.prompts_of(Evaluate(prompts=str(path))),
    ):
        with pytest.raises(
            EngineError, match="line 2, has 5 .*Write the prompt there"
        ) as caught:
            ask()
        assert "elete" not in str(caught.value)
    assert path.read_text() == '{"text": "a ball"}\n{"text": 5}\n'
