"""The benchmarks stay in step with what they measure; how fast it is, they tell by themselves."""
import json
from importlib import import_module
from itertools import islice

import pytest
import torch

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import example
from tests.benchmarks.measure import Settings


@pytest.mark.parametrize("name", benchmarks.NAMES)
def test_every_benchmark_is_there(name):
    assert callable(import_module(f"tests.benchmarks.{name}").rows)


@pytest.mark.filterwarnings("ignore::UserWarning")  # peft's: several adapters are what this is about
def test_a_row_is_one_json_line(capsys):
    benchmarks.main(["counts", "--quick"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all({"name", "ours", "peer", "ratio", "n", "spread"} <= set(row) for row in rows)
    folded = next(row for row in rows if "folded / bare" in row["name"])
    assert folded["ratio"] < 1.1, "folded is the bare UNet, once the weights are written"


def test_ours_and_the_loop_see_the_same_pictures_and_are_held_out_alike(tmp_path):
    training = import_module("tests.benchmarks.training")
    settings = Settings(quick=True, size="storybook", device="cpu")
    data = dict([*training.data_of(tmp_path, settings).items()][:2])
    painter = import_module("tests.benchmarks.worlds").painter(settings)
    pool = training._pool(painter, data)
    for skill, of_skill in data.items():
        rows = list(pool.rows[skill])
        assert [pool.texts[row] for row in rows] == of_skill.captions
        theirs = [latents for latents, _ in islice(example._cached(painter, of_skill.files, of_skill.captions, 7), 12)]
        ours = {latent.numpy().tobytes() for latent in pool.latents[rows]}
        assert {latent.numpy().tobytes() for latent in torch.cat(theirs)} == ours, "12 x 7 are all 84 of them"
    runs = [training.train(name, painter, data, 1) for name in (training.TOGETHER, training.CACHED)]
    assert runs[0].held_out == pytest.approx(runs[1].held_out, rel=0.01)
    assert all(0 < run.first_step <= run.whole for run in runs)
