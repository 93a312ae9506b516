"""Recipes of merges and experts of the right JSON and the wrong kind: a sentence each, no traceback."""
import json

import pytest

from engine import merge
from engine.core.errors import EngineError
from engine.models import tensor_files
from engine.models.lora import cards, expert_files

MERGED = {"kind": "merge", "name": "m", "method": "average", "options": {}, "experts": {"counting": 1.0},
          "base": {"model": "tiny"}}
WRONG = [
    [], None, 5, "text", MERGED | {"experts": ["counting"]}, MERGED | {"experts": None},
    MERGED | {"experts": {"counting": "1"}}, MERGED | {"experts": {"counting": True}},
    MERGED | {"experts": {"counting": float("nan")}}, MERGED | {"experts": {"counting": 10**400}},
    MERGED | {"options": []}, MERGED | {"options": 3}, MERGED | {"method": 7}, MERGED | {"method": None},
    MERGED | {"base": "storybook"}, MERGED | {"base": ["tiny"]}, MERGED | {"base": {"model": 5}},
    MERGED | {"base": {"model": None}}, MERGED | {"base": {"sha256": []}}, MERGED | {"base": {"encoder": 5}},
    MERGED | {"verify": "yes"},
    {"kind": ["merge"]}, {"name": 3}, {"step": "5"}, {"steps": [1]}, {"skills": "counting"}, {"source": "a"}]


@pytest.mark.parametrize("recipe", WRONG, ids=range(len(WRONG)))
def test_a_merges_recipe_of_the_wrong_kind_is_told_and_can_be_replaced(store, recipe):
    folder = store.merge("m")
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps(recipe))
    wanted = {"experts": {"counting": 1.0}, "name": "m", "verify": False}
    with pytest.raises(EngineError, match=r"recipe\.json is damaged \(.*Delete"):
        list(merge.run(merge.Config(**wanted), store))
    assert list(merge.run(merge.Config(**wanted, replace=True), store))[-1].kind == "done"
    assert cards.read_recipe(folder)["experts"] == {"counting": 1.0}


@pytest.mark.parametrize("recipe", [
    [], "text", 3, {"base": "storybook"}, {"base": []}, {"base": {"model": 5}}, {"base": {"sha256": {}}}])
def test_an_experts_header_of_the_wrong_kind_is_told(store, recipe):
    file = store.expert("counting") / expert_files.FILE_NAME
    tensors, header = tensor_files.read(file)
    tensor_files.write(file, tensors, header | {"recipe": json.dumps(recipe)})
    with pytest.raises(EngineError, match=rf"{file.name} .*damaged (header|.base)"):
        list(merge.run(merge.Config(experts={"counting": 1.0, "styles": 1.0}, name="m"), store))


@pytest.mark.parametrize("named", [None, {}, {"sha256": "0"}])
def test_a_base_without_a_name_is_an_unknown_one(store, named):
    file = store.expert("counting") / expert_files.FILE_NAME
    tensors, header = tensor_files.read(file)
    tensor_files.write(file, tensors, header | {"recipe": json.dumps({"base": named})})
    events = list(merge.run(merge.Config(experts={"counting": 1.0}, name="m"), store))
    assert "Not verified: unknown is not on this machine" in events[-1].text
    assert cards.read_recipe(store.merge("m"))["base"]["model"] == "unknown"


def test_experts_that_learned_from_other_encoders_texts_are_no_merge(store):
    for name, base in (("counting", {"model": "tiny", "encoder": "loud"}), ("styles", {"model": "tiny"})):
        file = store.expert(name) / expert_files.FILE_NAME
        tensors, header = tensor_files.read(file)
        tensor_files.write(file, tensors, header | {"recipe": json.dumps({"base": base})})
    with pytest.raises(EngineError, match="counting with loud; styles with native"):
        list(merge.run(merge.Config(experts={"counting": 1.0, "styles": 1.0}, name="m"), store))
    list(merge.run(merge.Config(experts={"counting": 1.0}, name="m", verify=False), store))
    assert cards.read_recipe(store.merge("m"))["base"]["encoder"] == "loud"


def test_a_card_lists_what_is_whole_and_stays(store):
    folder = store.expert("counting")
    for name in (".writing-x1.safetensors", "checkpoint.safetensors", ".hidden.safetensors"):
        (folder / name).write_bytes(b"half")
    cards.write_card(folder, "A story.", {"name": "counting", "base": {"model": "tiny"}}, {})
    card = (folder / cards.CARD).read_text()
    assert card.count("sha256 of") == 1 and f"sha256 of {expert_files.FILE_NAME}" in card
