"""Everything that decides an expert."""

import json
from typing import Any

from engine.core import provenance
from engine.core.store import Store
from engine.experts import Config, Training, sources


def expert_identity(config: Config, store: Store, name: str) -> dict[str, Any]:
    """As JSON gives it back."""
    training, skills = config.training(name), list(config.experts[name])
    objective = config.objective_choice
    stops_early = {"held_out_every": config.held_out_every} if training.patience else {}
    decides = {
        **provenance.deciding_options(config, without=provenance.names(Training)),
        **provenance.deciding_options(training),
        **stops_early,
        **sources.source_of(objective).fingerprint(store, skills),
    }
    decides |= {"name": name, "skills": skills, "shard": config.shards.get(name)}
    decides["options"] = objective.identity()
    return dict(json.loads(json.dumps(decides)))
