"""Everything that decides an expert."""

import json
from typing import Any

from engine.core import provenance
from engine.core.store import Store
from engine.experts import Config, Training, latents


def wanted(config: Config, store: Store, name: str, options: Any) -> dict[str, Any]:
    """As JSON gives it back; `options` are the objective's."""
    own, skills = config.training(name), list(config.experts[name])
    stops_early = {"held_out_every": config.held_out_every} if own.patience else {}
    return dict(
        json.loads(
            json.dumps(
                {
                    **provenance.deciding(config, without=provenance.names(Training)),
                    **provenance.deciding(own),
                    **stops_early,
                    "name": name,
                    "skills": skills,
                    "shard": config.shards.get(name),
                    "options": provenance.deciding(options),
                    "images": latents.hashes(store, skills),
                }
            )
        )
    )
