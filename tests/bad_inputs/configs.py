"""A Config of every stage, with a value for each of its options."""

from types import ModuleType
from typing import Any

from engine import evaluate, experts, images, merge, prompts
from engine.merge import adopt, export
from engine.studies import grid, leave_one_out, search

STAGES: dict[str, ModuleType] = {
    "prompts": prompts,
    "images": images,
    "experts": experts,
    "merge": merge,
    "evaluate": evaluate,
    "adopt": adopt,
    "export": export,
    "grid": grid,
    "search": search,
    "leave_one_out": leave_one_out,
}
CONFIGS: dict[str, Any] = {
    "prompts": prompts.Config(skills=("counting",)),
    "images": images.Config(skills=("counting",)),
    "experts": experts.Config(
        experts={"one": ["counting"]}, overrides={"one": {"rank": 4}}, shards={"one": [0, 2, 0]}
    ),
    "merge": merge.Config(experts={"one": 1.0}),
    "evaluate": evaluate.Config(
        models={"base": {}, "merged": {"merged": 1.0}}, own_guidance={"base": 2.0}
    ),
    "grid": grid.Config(x="one", y="two", weights={"one": 1.0, "two": 1.0}),
    "search": search.Config(experts=("one", "two")),
    "leave_one_out": leave_one_out.Config(experts={"one": 1.0, "two": 1.0}),
    "adopt": adopt.Config(file="x.safetensors", name="mine"),
    "export": export.Config(name="mine"),
}
"""Every option of every stage has a value in one of these."""
