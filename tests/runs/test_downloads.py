"""Files of experts and merges for other programs: in every layout that can hold them, and no other."""

import os

import pytest
from diffusers import StableDiffusion3Pipeline
from safetensors.torch import load_file

from engine.core.errors import EngineError
from engine.core.store import Store
from engine.models import families
from engine.models.lora import expert_files, layouts
from engine.models.lora.factors import Lora, target_layers
from engine.runs import downloads
from tests.app.example_run import SKILLS
from tests.tiny_models import tiny_sd3


@pytest.fixture(scope="module")
def sd3_base(tmp_path_factory):
    return tiny_sd3(tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="module")
def sd3_run(sd3_base, tmp_path_factory):
    """A run with one expert of Stable Diffusion 3."""
    run = Store(tmp_path_factory.mktemp("run"))
    network = StableDiffusion3Pipeline.from_pretrained(sd3_base).transformer
    lora = Lora(rank=2, alpha=2.0)
    base = {"model": str(sd3_base), **families.recipe_fields_of(sd3_base)}
    expert = lora.expert(target_layers(network, lora.targets), "styles", seed=0)
    expert_files.write(run.expert("styles"), expert, {"name": "styles", "base": base})
    return run


def prepared(run, name):
    return downloads.prepare(downloads.weight_files(run)[name])


def test_every_expert_has_files_and_merges_come_first(run):
    (run.merge("both")).mkdir(parents=True)
    source = run.expert("styles") / expert_files.FILE_NAME
    (run.merge("both") / source.name).write_bytes(source.read_bytes())
    assert list(downloads.weight_files(run)) == ["both", *SKILLS]


def test_a_unets_expert_comes_in_both_layouts(run):
    copies = prepared(run, "styles")
    assert {layout: file.name for layout, file in copies.weights.items()} == {
        "diffusers": expert_files.FILE_NAME,
        "kohya": "styles.safetensors",
    }
    for layout, file in copies.weights.items():
        assert layouts.recognise(load_file(file)) is layouts.load(layout)
    own = run.expert("styles") / expert_files.FILE_NAME
    assert copies.weights["diffusers"].read_bytes() == own.read_bytes()


def test_an_expert_of_stable_diffusion_3_comes_in_the_one_layout_that_can_hold_it(sd3_run, sd3_base):
    copies = prepared(sd3_run, "styles")
    assert list(copies.weights) == ["diffusers"]
    assert copies.family == "Stable Diffusion 3"
    pipe = StableDiffusion3Pipeline.from_pretrained(sd3_base)
    pipe.load_lora_weights(copies.weights["diffusers"].parent)
    assert pipe.get_list_adapters()


def test_the_card_comes_with_it_where_there_is_one(run):
    assert prepared(run, "places").card is None
    (run.expert("counting") / "README.md").write_text("the card", encoding="utf-8")
    card = prepared(run, "counting").card
    assert card.name == "counting.md"
    assert card.read_text(encoding="utf-8") == "the card"


def test_files_are_copied_once_and_again_when_they_change(run):
    first = prepared(run, "places")
    assert prepared(run, "places") is first
    os.utime(run.expert("places") / expert_files.FILE_NAME, (1, 1))
    assert prepared(run, "places").weights != first.weights


def test_a_damaged_file_is_a_sentence(tmp_path):
    file = tmp_path / "experts" / "broken" / expert_files.FILE_NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(b"nothing")
    with pytest.raises(EngineError, match=str(file)):
        prepared(Store(tmp_path), "broken")
