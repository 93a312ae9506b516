"""Everything that decides an expert."""

import json
from typing import Any

from engine.core import provenance
from engine.core.store import Store
from engine.experts import Config, Training, latents

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


def wanted(config: Config, store: Store, name: str, options: Any) -> dict[str, Any]:
    """As JSON gives it back; `options` are the objective's."""
    own, skills = config.training(name), list(config.experts[name])
    stops_early = {"held_out_every": config.held_out_every} if own.patience else {}
    return dict(
        json.loads(
            json.dumps(
                {
                    **provenance.deciding(config, ALWAYS, without=provenance.names(Training)),
                    **provenance.deciding(own, TRAINING_ALWAYS),
                    **stops_early,
                    "name": name,
                    "skills": skills,
                    "shard": config.shards.get(name),
                    "options": provenance.everything(options),
                    "images": latents.hashes(store, skills),
                }
            )
        )
    )
