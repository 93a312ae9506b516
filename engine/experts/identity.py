"""Everything that decides an expert."""

import json
from types import ModuleType
from typing import Any

from engine.core import plugins, provenance
from engine.core.store import Store
from engine.experts import Config, Training, objectives, sources

ALWAYS = ("model", "revision", "objective", "seed", "precision", "held_out")
TRAINING_ALWAYS = (
    "rank",
    "alpha",
    "targets",
    "init",
    "same_start",
    "learning_rate",
    "schedule",
    "warmup_steps",
    "steps",
    "batch_size",
    "accumulation",
    "caption_dropout",
    "flip",
    "ema",
    "max_grad_norm",
    "weight_decay",
    "patience",
)
"""What records hold even at its default (engine.core.provenance)."""


def source(config: Config) -> ModuleType:
    """Where the objective's batches come from."""
    return plugins.load(sources, plugins.load(objectives, config.objective).NEEDS)


def wanted(config: Config, store: Store, name: str, options: Any) -> dict[str, Any]:
    """As JSON gives it back; `options` are the objective's."""
    training, skills = config.training(name), list(config.experts[name])
    stops_early = {"held_out_every": config.held_out_every} if training.patience else {}
    decides = {
        **provenance.deciding(config, ALWAYS, without=provenance.names(Training)),
        **provenance.deciding(training, TRAINING_ALWAYS),
        **stops_early,
        **source(config).recorded(store, skills),
    }
    decides |= {"name": name, "skills": skills, "shard": config.shards.get(name)}
    decides["options"] = provenance.everything(options)
    return dict(json.loads(json.dumps(decides)))
