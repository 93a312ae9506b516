"""Everything that decides an expert."""

import json
from types import ModuleType
from typing import Any

from engine.core import plugins, provenance
from engine.core.store import Store
from engine.experts import Config, Training, objectives, sources


def source(config: Config) -> ModuleType:
    """Where the objective's batches come from."""
    return plugins.load(sources, plugins.load(objectives, config.objective).NEEDS)


def wanted(config: Config, store: Store, name: str, options: Any) -> dict[str, Any]:
    """As JSON gives it back; `options` are the objective's."""
    training, skills = config.training(name), list(config.experts[name])
    stops_early = {"held_out_every": config.held_out_every} if training.patience else {}
    # what was recorded before there was another density stays as it was
    density = {} if config.timesteps == "uniform" else {"timesteps": config.timesteps}
    decides = {
        **provenance.deciding_options(config, without=provenance.names(Training)),
        **provenance.deciding_options(training),
        **stops_early,
        **density,
        **source(config).fingerprint(store, skills),
    }
    decides |= {"name": name, "skills": skills, "shard": config.shards.get(name)}
    decides["options"] = provenance.deciding_options(options)
    return dict(json.loads(json.dumps(decides)))
