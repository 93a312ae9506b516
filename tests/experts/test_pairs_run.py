"""The stage by Diffusion-DPO: from a recipe, from the command line, resumed, recorded, told."""
import json

import pytest

from engine import experts, recipes
from engine.__main__ import main
from engine.core.errors import EngineError, Stopped
from engine.core.store import write_records
from engine.experts.sources.pairs.records import Pair, folder
from engine.models.lora import cards
from tests.experts.worlds import config, draw_scenes

BY_STORYBOOK = {"judge": "storybook", "beta": 500.0}


@pytest.fixture
def drawn(store, base):
    draw_scenes(store, "places", base)
    return store


def asked(base, **changes):
    options = {"experts": {"better": ["places"]}, "objective": "dpo", "options": BY_STORYBOOK}
    return config(base, **options | changes)


def run(config, store):
    return list(experts.run(config, store))


def files(store):
    return {file.name: file.read_bytes() for file in store.expert("better").iterdir()}


def test_a_run_makes_pairs_learns_from_them_and_says_so(drawn, base):
    events = run(asked(base), drawn)
    assert events[-1].kind == "done" and "Made 4 pairs of places." in [event.text for event in events]
    recipe = cards.read_recipe(drawn.expert("better"))
    assert (recipe["objective"], recipe["options"]["beta"]) == ("dpo", 500.0)
    assert (recipe["pairs"], recipe["held_out_pairs"]) == (3, 1) and set(recipe["pairs' sha256"]) == {"places"}
    card = (drawn.expert("better") / "README.md").read_text()
    assert "on 3 pairs of painted pictures; 1 more were held out" in card
    curve = [json.loads(line) for line in (drawn.expert("better") / "losses.jsonl").read_text().splitlines()]
    assert curve[0]["held_out_loss"] == pytest.approx(0.6931, abs=1e-3), "log 2 before the first step"
    before = files(drawn)
    (event,) = run(asked(base), drawn)
    assert event.kind == "done" and files(drawn) == before, "nothing is repeated"


def test_stopped_and_resumed_equals_uninterrupted_bit_for_bit(drawn, base, tmp_path):
    run(asked(base), drawn)
    whole = files(drawn)
    for file in drawn.expert("better").iterdir():
        file.unlink()
    stage = experts.run(asked(base), drawn)
    next(event for event in stage if any(p["step"] == 3 for p in event.data.get("losses", [])))
    stage.throw(Stopped("enough"))
    run(asked(base), drawn)
    assert files(drawn) == whole


def test_other_pairs_make_another_expert(drawn, base):
    run(asked(base, steps=1), drawn)
    write_records(folder(drawn, "places").pairs, [Pair("", "places", f"{i + 4}.png", f"{i}.png") for i in range(4)])
    with pytest.raises(EngineError, match="pairs' sha256 as they were -> "):
        run(asked(base, steps=1), drawn)


def test_a_recipe_may_ask_for_it(drawn, base, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(f'''
model = "{base}"
[experts]
objective = "dpo"
steps = 1
batch_size = 2
sample_every = 0
[experts.experts]
better = ["places"]
[experts.options]
judge = "storybook"
beta = 250.0
''')
    assert run(recipes.load(file).experts, drawn)[-1].kind == "done"
    assert cards.read_recipe(drawn.expert("better"))["options"]["beta"] == 250.0
    file.write_text(file.read_text().replace("storybook", "nobody"))
    with pytest.raises(EngineError, match="no judge called 'nobody'"):
        recipes.load(file)


def test_the_command_line_may_ask_for_it(drawn, base, capsys):
    options = ["experts={better=['places']}", f"model={base}", "objective=dpo", "options={judge='storybook'}",
               "steps=1", "batch_size=2", "sample_every=0", "rank=2"]
    assert main(["experts", str(drawn.folder), *options]) == 0
    assert "better trained." in capsys.readouterr().out
    assert cards.read_recipe(drawn.expert("better"))["options"]["beta"] == 5000.0
