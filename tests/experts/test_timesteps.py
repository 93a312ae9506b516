"""Where on the way to noise an expert learns: another density, another expert, told apart."""
import pytest

from engine import experts
from engine.core.errors import EngineError
from engine.models.lora import expert_files
from tests.experts.worlds import config


def test_another_density_is_another_expert_and_told_apart(base, store):
    even = config(base, experts={"counting": ["counting"]}, steps=2)
    list(experts.run(even, store))
    first = expert_files.read(store.expert("counting"))
    assert "timesteps" not in first.recipe, "records stay what they were before it was an option"
    middle = config(base, experts={"counting": ["counting"]}, steps=2, timesteps="logit_normal")
    with pytest.raises(EngineError, match="timesteps"):
        list(experts.run(middle, store))
    list(experts.run(config(base, experts={"counting": ["counting"]}, steps=2, timesteps="logit_normal", replace=True),
                     store))
    second = expert_files.read(store.expert("counting"))
    assert second.recipe["timesteps"] == "logit_normal"
    assert any((factors.b != second.expert[path].b).any() for path, factors in first.expert.items())
    with pytest.raises(EngineError, match="timesteps"):
        list(experts.run(even, store))
