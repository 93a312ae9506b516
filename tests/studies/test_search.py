"""The search finds what can be found, measures nothing twice, and tells the test result beside the average's."""
import json

import pytest

from engine import evaluate
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.evaluate.planning import model_name
from engine.models import diffusion, ensemble
from engine.models.lora import expert_files
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from engine.studies import candidates, search
from tests import arithmetic
from tests.models.experts import random_experts
from tests.models.lora_files import loaded
from tests.tiny_models import tiny_stable_diffusion

TARGET = {"a": 0.9, "b": 0.1}


@pytest.fixture
def painted(monkeypatch):
    """Evaluation as arithmetic: the score falls with the distance of the weights from a target."""
    calls = []

    def run(config, store, ensemble):
        for arm, weights in config.models.items():
            if arithmetic.has_scores(config, store, arm):
                continue
            calls.append((arm, config.split))
            worth = max(0.0, 1 - sum((weights[name] - best) ** 2 for name, best in TARGET.items()))
            arithmetic.score(config, store, model_name(arm, config.guidances[0]), worth)
        yield from ()
    monkeypatch.setattr(evaluate, "run", run)
    monkeypatch.setattr(ensemble, "Ensemble", lambda *_: None)
    return calls


def config(**changes):
    options = {"experts": ("a", "b"), "generations": 8, "population": 8, "prompts_per_skill": 2,
               "test_prompts_per_skill": 3}
    return search.Config(**(options | changes))


def test_it_finds_the_better_weights_and_tells_the_test_result(painted, tmp_path):
    events = list(search.run(config(), Store(tmp_path)))
    result = json.loads((tmp_path / "searches/search/result.json").read_text())
    assert events[-1].kind == "done" and result == json.loads(json.dumps(events[-1].data))
    assert result["validation"] > 0.99 > 0.7 > result["average_on_validation"]
    assert result["weights"]["a"] == pytest.approx(0.9, abs=0.1)
    assert result["verdict"] == "better" and result["test"] > result["average_on_test"]
    tried = candidates.read_candidates(Store(tmp_path), "search")
    assert len(tried) == 1 + 8 * 8 and tried[0].weights == {"a": 0.5, "b": 0.5}
    assert [split for _, split in painted].count("test") == 2, "the test is looked at once, by two arms"


def test_a_second_run_measures_nothing_again(painted, tmp_path):
    list(search.run(config(), Store(tmp_path)))
    before = len(painted)
    again = list(search.run(config(), Store(tmp_path)))
    assert len(painted) == before and again[-1].kind == "done"


def test_candidates_stay_within_the_bounds_and_follow_the_seed(painted, tmp_path):
    asked = config(lowest=0.0, highest=0.6, generations=4)
    for seed, folder in ((1, "one"), (1, "same"), (2, "other")):
        list(search.run(search.Config(**{**vars(asked), "seed": seed}), Store(tmp_path / folder)))
    one, same, other = ([t.weights for t in candidates.read_candidates(Store(tmp_path / f), "search")]
                        for f in ("one", "same", "other"))
    assert one == same != other
    assert all(0.0 <= weight <= 0.6 for weights in one for weight in weights.values())


@pytest.mark.parametrize(("changes", "reason"), [
    ({"experts": ("a",)}, "two experts or more"), ({"experts": ("a", "a")}, "two experts or more"),
    ({"lowest": 0.6}, "must lie between the bounds"), ({"name": "../up"}, "cannot be the name"),
    ({"prompts": "own.jsonl"}, "a second file"), ({"prompts": "o.jsonl", "test_prompts": "o.jsonl"}, "a second file")])
def test_what_makes_no_sense_is_refused(painted, tmp_path, changes, reason):
    with pytest.raises(EngineError, match=reason):
        list(search.run(config(**changes), Store(tmp_path)))
    assert not painted


def test_the_base_is_loaded_once_for_the_whole_search(tmp_path, monkeypatch):
    base, store = tiny_stable_diffusion(tmp_path / "sd"), Store(tmp_path / "run")
    mixture = Mixture(loaded(base).unet, {"a": Lora(4, 4), "b": Lora(2, 2)})
    random_experts(mixture, 0.3)
    for name in mixture.names:
        expert_files.write(store.expert(name), mixture.expert(name), {"name": name})
    loads, load = [], diffusion.load
    monkeypatch.setattr(diffusion, "load", lambda *asked, **options: loads.append(asked) or load(*asked, **options))
    asked = config(model=str(base), generations=2, population=2, test_prompts_per_skill=2, steps=1)
    assert list(search.run(asked, store))[-1].kind == "done"
    assert len(loads) == 1 and len(candidates.read_candidates(store, "search")) == 1 + 2 * 2
