"""alpha wherever files keep it: read, checked, and never run."""
import json
import re
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft.utils.other import get_pattern_key
from safetensors.torch import save_file

from engine.core.errors import EngineError
from engine.models.lora import foreign_files, header_scales
from engine.models.lora.alphas import AlphaPattern

FILE = Path("theirs.safetensors")
RANK = 16
PATH = "blocks.0.to_q"


class Block(torch.nn.Module):
    """Two layers by the names that files use."""

    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.ModuleDict({
            "to_q": torch.nn.Linear(6, 5), "to_k": torch.nn.Linear(6, 5)})])


KEYS = {"peft": ("unet.blocks.0.to_q.lora_A.weight", "unet.blocks.0.to_q.lora_B.weight"),
        "kohya": ("lora_unet_blocks_0_to_q.lora_down.weight",
                  "lora_unet_blocks_0_to_q.lora_up.weight"),
        "scripts": ("unet.blocks.0.to_q.lora.down.weight", "unet.blocks.0.to_q.lora.up.weight"),
        "own peft": ("base_model.model.blocks.0.to_q.lora_A.weight",
                     "base_model.model.blocks.0.to_q.lora_B.weight")}


def tensors(kind="peft", rank=RANK, **more):
    a, b = KEYS[kind]
    return {a: torch.ones(rank, 6), b: torch.ones(5, rank)} | more


def taken(folder, header, kind="peft", config=None, **more):
    """The file as it comes in, as JSON where a header's value is none of a string."""
    strings = {key: value if isinstance(value, str) else json.dumps(value)
               for key, value in header.items()}
    save_file(tensors(kind, **more), folder / FILE, strings or None)
    if config is not None:
        (folder / "adapter_config.json").write_text(json.dumps(config))
    return foreign_files.read(folder / FILE, Block())


def scale_of(*asked, **how):
    return taken(*asked, **how).expert[PATH].scale


@pytest.mark.parametrize("kind", ["peft", "kohya", "scripts"])
@pytest.mark.parametrize("header", [
    {"unet.lora_alpha": "4", "unet.r": "16"}, {"lora_alpha": "4", "r": "16"}, {"lora_alpha": "4.0"},
    {"ss_network_alpha": "4.0", "ss_network_dim": "16"}, {"ss_network_alpha": "4"},
    {"network_alpha": "4", "network_dim": "16"}, {"alpha": "4", "rank": "16"},
    {"lora_adapter_metadata": {"unet.lora_alpha": 4, "unet.r": 16}},
    {"lora_adapter_metadata": {"lora_alpha": 4, "r": 16}},
    {"lora_alpha": "16", "unet.lora_alpha": "4"},
    {"lora_alpha": "4", "text_encoder.lora_alpha": "8"}])
def test_an_alpha_that_stands_in_the_header_alone_counts(tmp_path, header, kind):
    assert scale_of(tmp_path, header, kind) == 4 / RANK


@pytest.mark.parametrize(("header", "scale"), [
    ({}, 1.0), ({"alpha": "0.5"}, 1.0), ({"ss_network_dim": "16"}, 1.0), ({"r": "16"}, 1.0),
    ({"ss_network_alpha": "Dynamic", "ss_network_dim": "Dynamic"}, 1.0),
    ({"ss_network_alpha": "None"}, 1.0), ({"ss_network_alpha": "0"}, 1.0),
    ({"lora_alpha": "4", "use_rslora": "True"}, 1.0),
    ({"lora_alpha": "4", "use_rslora": "false"}, 0.25),
    ({"lora_alpha": "4", "alpha_pattern": '{"to_q": 8}'}, 0.5),
    ({"lora_alpha": "4", "r": "8", "rank_pattern": '{"to_q": 16}'}, 0.25)])
def test_what_else_a_header_may_say(tmp_path, header, scale):
    assert scale_of(tmp_path, header) == scale


def test_what_counts_where_a_file_contradicts_itself_is_told(tmp_path):
    """A layer's own alpha first, then peft's table, then the header's own strings."""
    own = {"lora_unet_blocks_0_to_q.alpha": torch.tensor(8.0)}
    nested = {"lora_adapter_metadata": {"unet.lora_alpha": 4}}
    flat = {"ss_network_alpha": "2", "ss_network_dim": "16"}
    found = taken(tmp_path, nested | flat, "kohya", **own)
    assert found.expert[PATH].scale == 0.5
    assert found.notes == (
        "Its header says alpha 4 (lora_adapter_metadata), its layers 8: the latter counts.",
        "Its header says alpha 2 (ss_network_alpha), its layers 8: the latter counts.")
    found = taken(tmp_path, nested | flat)
    assert found.expert[PATH].scale == 0.25
    assert found.notes == (
        "Its header says alpha 2 (ss_network_alpha), lora_adapter_metadata 4: the latter counts.",)
    assert taken(tmp_path, {"ss_network_alpha": "8"}, "kohya", **own).notes == ()


@pytest.mark.parametrize("alpha", ["0", "1e10", "NaN", "auto", "9" * 400])
def test_a_header_that_nothing_hangs_on_may_say_what_it_likes(tmp_path, alpha):
    """kohya's 0 is the rank, and every layer tells its own alpha."""
    own = {"lora_unet_blocks_0_to_q.alpha": torch.tensor(16.0)}
    header = {"ss_network_alpha": alpha, "ss_network_dim": "10000000000"}
    assert scale_of(tmp_path, header, "kohya", **own) == 1.0


def test_layers_without_an_alpha_of_their_own_have_the_headers(tmp_path):
    more = {"lora_unet_blocks_0_to_k.lora_down.weight": torch.ones(RANK, 6),
            "lora_unet_blocks_0_to_k.lora_up.weight": torch.ones(5, RANK),
            "lora_unet_blocks_0_to_q.alpha": torch.tensor(8)}
    expert = taken(tmp_path, {"ss_network_alpha": "4"}, "kohya", **more).expert
    assert {path: f.scale for path, f in expert.items()} == {PATH: 0.5, "blocks.0.to_k": 0.25}


@pytest.mark.parametrize("kind", ["peft", "kohya"])
@pytest.mark.parametrize("header", [
    {"lora_alpha": "4", "r": "8"}, {"ss_network_alpha": "4", "ss_network_dim": "8"},
    {"lora_adapter_metadata": {"unet.lora_alpha": 4, "unet.r": 8}}])
def test_an_alpha_that_was_told_for_another_rank_is_refused(tmp_path, header, kind):
    with pytest.raises(EngineError, match=r"be 8, .*blocks.0.to_q has rank 16"):
        taken(tmp_path, header, kind)


NUMBERS = [float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 10**400, 0, -0.0, 1e-300,
           True, "16", [16], {"a": 1}, ""]


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("field", ["lora_alpha", "r", "alpha_pattern"])
def test_a_number_that_is_none_is_refused_by_file_and_key(tmp_path, field, value):
    told = {"lora_alpha": 4, field: {"to_q": value} if field == "alpha_pattern" else value}
    name = "alpha_pattern of 'to_q'" if field == "alpha_pattern" else field
    nested = {"lora_adapter_metadata": {f"unet.{key}": one for key, one in told.items()}}
    with pytest.raises(EngineError, match=rf"theirs\.safetensors: {name} is .*Export"):
        taken(tmp_path, nested)
    with pytest.raises(EngineError, match=rf"adapter_config\.json: {name} is .*Export"):
        taken(tmp_path, {}, "own peft", told)


@pytest.mark.parametrize("value", [
    "NaN", "Infinity", "1e308", "1e999", "9" * 5000, "-0.0", "true", "[16]", "four"])
@pytest.mark.parametrize("name", [
    "lora_alpha", "unet.lora_alpha", "ss_network_alpha", "network_alpha"])
def test_a_flat_header_is_no_more_trusted(tmp_path, name, value):
    with pytest.raises(EngineError, match=rf"{name.removeprefix('unet.')} is .*Export the LoRA"):
        taken(tmp_path, {name: value})


@pytest.mark.parametrize("alpha", [
    torch.tensor(float("nan")), torch.tensor(float("inf")), torch.tensor(-float("inf")),
    torch.tensor(0.0), torch.tensor(1e308, dtype=torch.float64), torch.tensor(1e30), torch.ones(2),
    torch.ones(0), torch.tensor(2**62)])
def test_so_is_a_layers_own_alpha(tmp_path, alpha):
    with pytest.raises(EngineError, match=r"safetensors: alpha of blocks\.0\.to_q "):
        taken(tmp_path, {}, "kohya", **{"lora_unet_blocks_0_to_q.alpha": alpha})


@pytest.mark.parametrize("kind", [torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_an_alpha_of_an_odd_type_is_refused(tmp_path, kind):
    with pytest.raises(EngineError, match=r"lora_unet_blocks_0_to_q\.alpha as torch"):
        taken(tmp_path, {}, "kohya", **{"lora_unet_blocks_0_to_q.alpha": torch.ones(()).to(kind)})


@pytest.mark.parametrize(("told", "sentence"), [
    ([], "lora_adapter_metadata is no table"), ("text", "lora_adapter_metadata is no table"),
    (None, "lora_adapter_metadata is no table"),
    ({"unet.alpha_pattern": ["to_q"]}, "no table of layers"),
    ({"unet.use_rslora": "false"}, "use_rslora is 'false', neither"),
    ({"unet.use_dora": 1}, "use_dora is 1, neither")])
def test_json_of_the_wrong_kind_is_a_sentence(tmp_path, told, sentence):
    with pytest.raises(EngineError, match=sentence):
        taken(tmp_path, {"lora_adapter_metadata": json.dumps(told)})


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "nan", "\ufeff{}"])
def test_a_damaged_table_is_a_sentence(tmp_path, text):
    with pytest.raises(EngineError, match="damaged header"):
        taken(tmp_path, {"lora_adapter_metadata": text})


def test_an_adapter_config_counts_before_the_header_and_that_is_told(tmp_path):
    found = taken(tmp_path, {"lora_adapter_metadata": {"unet.lora_alpha": 8}, "lora_alpha": "4"},
                  "own peft", {"lora_alpha": 4, "r": 16})
    assert found.expert[PATH].scale == 0.25 and found.notes == (
        "Its header says alpha 8 (lora_adapter_metadata), adapter_config.json 4: the latter counts.",)


def test_an_adapter_config_that_is_a_list_is_a_sentence(tmp_path):
    with pytest.raises(EngineError, match=r"adapter_config\.json holds no table"):
        taken(tmp_path, {}, "own peft", [])


@pytest.mark.parametrize("field", ["use_dora", "lora_bias"])
@pytest.mark.parametrize("kind", ["peft", "kohya"])
def test_a_flat_flag_of_another_kind_is_seen(tmp_path, kind, field):
    with pytest.raises(EngineError, match="no plain sum of deltas"):
        taken(tmp_path, {field: "true"}, kind)


# patterns

name = st.text("abc_0", min_size=1, max_size=3)
path = st.lists(name, min_size=1, max_size=4).map(".".join)


key = st.tuples(st.sampled_from(["", "^"]), path, st.sampled_from(["", "$"]))


@given(path=path, keys=st.lists(key, unique=True, max_size=6), escaped=st.booleans())
def test_plain_keys_mean_what_peft_means_by_them(path, keys, escaped):
    """A key of letters and dots, anchored or not: the first that is the path, or its end."""
    told = {f"{start}{re.escape(key) if escaped else key}{end}": float(n)
            for n, (start, key, end) in enumerate(keys, 1)}
    theirs = get_pattern_key(told, path)
    assert AlphaPattern(told, "").alpha(path) == told.get(theirs if theirs in told else None)


@pytest.mark.parametrize("key", [
    "to_(q|k)", "to_.*", r"blocks\.\d+", "to_[qk]", "to_q?", "*", "(", "[", "\\", "a+"])
def test_a_regular_expression_is_refused_by_name_and_never_run(tmp_path, key):
    told = {"unet.lora_alpha": 4, "unet.alpha_pattern": {key: 2}}
    sentence = f"expression {re.escape(repr(key))}, .*never run"
    with pytest.raises(EngineError, match=sentence):
        taken(tmp_path, {"lora_adapter_metadata": told})


def test_ranks_and_targets_are_no_patterns_here(tmp_path):
    """They are read from the tensors."""
    told = {"unet.lora_alpha": 4, "unet.rank_pattern": {"to_(q": 16}, "unet.target_modules": "((("}
    assert scale_of(tmp_path, {"lora_adapter_metadata": told}) == 0.25


def test_many_long_keys_cost_no_time(tmp_path):
    """100,000 keys and 2,000 layers: compared by name, not one by one."""
    told = {f"{'a.' * 20}{n}": 2 for n in range(100_000)}
    begun = time.process_time()
    patterns = AlphaPattern(told, "")
    assert all(patterns.alpha(f"{'a.' * 20}{n}.x") is None for n in range(2_000))
    assert patterns.alpha("b." + "a." * 20 + "7") == 2 and time.process_time() - begun < 30


def test_nothing_of_a_header_changes_a_file_of_our_own(tmp_path):
    scales = header_scales.read_scales({}, FILE)
    assert scales.scale("anything", 3) == 1.0 and header_scales.contradictions({}, FILE, [4.0], "its layers") == []
