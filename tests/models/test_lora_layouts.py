"""What every file of engine/models/lora/layouts promises; a layout that is added is tested by being there."""
import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from engine.core.errors import EngineError
from engine.models import families, tensor_files
from engine.models.lora import foreign_files, layouts
from engine.models.lora.factors import Factors
from tests.plugin_files import install

NAMES = layouts.names()
FAMILIES = sorted(families.all_families())
WRITABLE = [name for name in NAMES if layouts.is_writable(layouts.load(name))]
RANKS = {"blocks.0.to_q": 4, "blocks.0.to_k": 2, "blocks.0.conv": 4}
ALPHAS = {"blocks.0.to_q": 10.0, "blocks.0.to_k": 3.0, "blocks.0.conv": 10.0}
HALF = 1e-3
"""What half precision may change of a delta, relative to its norm."""


class Model(torch.nn.Module):
    """Layers that a LoRA can change, by the names that files use."""

    def __init__(self):
        super().__init__()
        block = {"to_q": torch.nn.Linear(6, 5), "to_k": torch.nn.Linear(6, 5), "conv": torch.nn.Conv2d(3, 4, 3)}
        self.blocks = torch.nn.ModuleList([torch.nn.ModuleDict(block)])


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def expert(model):
    """Ranks and alphas differ by layer, and are never the same number."""
    generator = torch.Generator().manual_seed(5)
    expert = {}
    for path, rank in RANKS.items():
        out, *into = model.get_submodule(path).weight.shape
        a = torch.randn(rank, *into, generator=generator)
        b = torch.randn(out, rank, generator=generator)
        expert[path] = Factors(a, b, ALPHAS[path] / rank)
    return expert


def by_peft(expert, folder):
    """peft's own writer: the weights in one file, rank and alpha in another."""
    config = LoraConfig(r=4, lora_alpha=10, rank_pattern={"blocks.0.to_k": 2}, alpha_pattern={"blocks.0.to_k": 3},
                        target_modules=list(expert), init_lora_weights=False)
    adapted = get_peft_model(Model(), config)
    for path, factors in expert.items():
        layer = adapted.get_submodule(f"base_model.model.{path}")
        tensors = factors.tensors()
        layer.lora_A["default"].weight.data.copy_(tensors["lora_A.weight"])
        layer.lora_B["default"].weight.data.copy_(tensors["lora_B.weight"])
    adapted.save_pretrained(folder)
    return folder / "adapter_model.safetensors"


def by_training_scripts(expert, folder):
    """As diffusers' examples named the layers; their newer ones say alpha in the header."""
    tensors = {}
    for path, factors in expert.items():
        sides = factors.tensors()
        tensors[f"unet.{path}.lora.down.weight"] = sides["lora_A.weight"]
        tensors[f"unet.{path}.lora.up.weight"] = sides["lora_B.weight"]
    fields = {"unet.r": 4, "unet.lora_alpha": 10, "unet.rank_pattern": {"blocks.0.to_k": 2},
              "unet.alpha_pattern": {"blocks.0.to_k": 3}}
    save_file(tensors, folder / "a.safetensors", {"lora_adapter_metadata": json.dumps(fields)})
    return folder / "a.safetensors"


ELSEWHERE = {"peft": by_peft, "training_scripts": by_training_scripts}
"""Who writes the layouts that are only read here."""


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def file(name, expert, tmp_path):
    """The expert in each layout."""
    if name in WRITABLE:
        foreign_files.write(tmp_path / "a.safetensors", name, expert, {"name": "a"})
        return tmp_path / "a.safetensors"
    return ELSEWHERE[name](expert, tmp_path)


def change(file, edit):
    """Edit the tensors of a file in place; its header stays."""
    tensors, header = tensor_files.read(file)
    edit(tensors)
    save_file(tensors, file, header or None)


def a_factor(tensors):
    """The key of a factor of a linear layer, whose first side is the rank."""
    return min(key for key, tensor in tensors.items() if tensor.shape == (4, 6))


def test_it_says_what_it_is(name):
    layout = layouts.load(name)
    assert layout.__doc__ and layout.LABEL and layout.KEYS


def test_only_one_layout_recognises_a_file(name, file):
    keys = list(load_file(file))
    assert [other for other in NAMES if layouts.load(other).recognises(keys)] == [name]
    assert layouts.recognise(keys) is layouts.load(name)
    assert not layouts.load(name).recognises(["something.else"])


def test_every_layer_comes_back_with_its_own_delta(file, expert, model):
    foreign = foreign_files.read(file, model)
    assert set(foreign.expert) == set(expert)
    assert (foreign.left_out, foreign.notes) == (0, ())
    for path, factors in expert.items():
        off = (foreign.expert[path].delta() - factors.delta()).norm() / factors.delta().norm()
        assert off < HALF, path


@pytest.mark.parametrize("layout", WRITABLE)
def test_what_is_written_leaves_the_expert_alone(layout, expert):
    before = {path: factors._replace(a=factors.a.clone(), b=factors.b.clone()) for path, factors in expert.items()}
    contents = layouts.load_writable(layout).write(expert, {"name": "a"})
    assert contents.tensors and all(isinstance(text, str) for text in contents.header.values())
    for path, factors in expert.items():
        assert torch.equal(factors.a, before[path].a) and torch.equal(factors.b, before[path].b)


def lose_one_side(tensors):
    del tensors[a_factor(tensors)]


def cut_the_rank(tensors):
    key = a_factor(tensors)
    tensors[key] = tensors[key][:3].contiguous()


def add_a_stranger(tensors):
    tensors[f"{a_factor(tensors)}.surprise"] = torch.ones(2, 2)


def move_to_another_layer(tensors):
    for key in list(tensors):
        tensors[key.replace("to_q", "to_nowhere")] = tensors.pop(key)


def diverge(tensors):
    tensors[a_factor(tensors)][0, 0] = torch.nan


@pytest.mark.parametrize(("edit", "value"), [
    (lose_one_side, r"blocks\.0\.to_q"), (cut_the_rank, r"blocks\.0\.to_q"), (add_a_stranger, "surprise"),
    (move_to_another_layer, "to_nowhere"), (diverge, "no numbers")])
def test_what_is_no_lora_of_the_model_is_refused_by_name(file, model, edit, value):
    change(file, edit)
    with pytest.raises(EngineError, match=value):
        foreign_files.read(file, model)


@pytest.mark.parametrize("name", ["peft"], indirect=True)
def test_a_layout_that_is_only_read_names_those_that_are_written(name, expert, tmp_path):
    with pytest.raises(EngineError, match="peft is read.*diffusers, kohya"):
        foreign_files.write(tmp_path / "a.safetensors", name, expert, {})


def test_a_name_that_no_layout_has_is_refused_with_those_that_are():
    for refuse in (layouts.check, layouts.load):
        with pytest.raises(EngineError, match="'onnx'.*diffusers, kohya, peft"):
            refuse("onnx")


NEW_LAYOUT = '''
"""A layout that nobody had heard of."""
from engine.models.lora.factors import Factors
from engine.models.lora.layouts import Contents, Reading

LABEL, KEYS = "tests", "<module>|a and <module>|b"


def recognises(keys):
    return any("|" in key for key in keys)


def read(file, model):
    paths = {key.partition("|")[0] for key in file.tensors}
    return Reading({path: Factors(file.tensors[path + "|a"], file.tensors[path + "|b"], 1.0) for path in paths})


def write(expert, recipe):
    tensors = {}
    for path, factors in expert.items():
        tensors[path + "|a"], tensors[path + "|b"] = factors.a, factors.scale * factors.b
    return Contents(tensors, {"format": "pt"})
'''


def test_a_layout_is_added_by_one_file(expert, model, tmp_path, monkeypatch):
    install(layouts, "new", NEW_LAYOUT, tmp_path, monkeypatch)
    foreign_files.write(tmp_path / "a.safetensors", "new", expert, {})
    back = foreign_files.read(tmp_path / "a.safetensors", model).expert
    for path, factors in expert.items():
        assert torch.allclose(back[path].delta(), factors.delta(), atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layouts_for_a_family_are_those_that_do_not_refuse_it(expert, family):
    recipe = {"name": "own", "base": {"model": "someone/base", **families.recipe_fields(families.load(family))}}
    takes = set()
    for name in WRITABLE:
        try:
            layouts.load_writable(name).write(expert, recipe)
            takes.add(name)
        except EngineError as error:
            assert families.load(family).TITLE in str(error)
    assert takes and set(layouts.writable_for(recipe)) == takes
