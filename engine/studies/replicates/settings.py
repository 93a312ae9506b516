"""Everything that decides what a replicate measures: every option of every stage, the variant's
own, and the hashes of the models and prompts that they name.
"""

import json
from dataclasses import asdict
from typing import Any

from engine import recipes
from engine.core import options
from engine.evaluate import prompt_sets
from engine.models import checkpoints
from engine.studies.replicates.expansion import Replicate

Settings = dict[str, Any]
WRITER = "writer"


def settings_of(replicate: Replicate) -> Settings:
    """As JSON keeps them."""
    settings: Settings = {name: asdict(config) for name, config in _configs(replicate).items()}
    settings["line"] = {
        "noisy scenes": replicate.variant.noisy_scenes,
        "shares prompts of": replicate.variant.share_prompts,
    }
    settings["sha256"] = _hashes(replicate)
    return json.loads(json.dumps(settings))


def completed(recorded: Settings, replicate: Replicate) -> Settings:
    """What was recorded, with the defaults of options that are newer than the record."""
    older = dict(recorded)
    for name, config in _configs(replicate).items():
        if isinstance(recorded.get(name), dict):
            older[name] = options.defaults(type(config)) | recorded[name]
    return json.loads(json.dumps(older))


def _configs(replicate: Replicate) -> dict[str, Any]:
    """The options of every stage there is, and of the prompts' writer."""
    recipe = replicate.recipe
    configs = {}
    for name in (*recipes.STAGES, *recipes.SPLITS):
        config = getattr(recipe, name, None)
        if config:
            configs[name] = config
    if recipe.prompts:
        configs[WRITER] = recipe.prompts.writer_choice.config()
    return configs


def _hashes(replicate: Replicate) -> dict[str, str]:
    """By what is hashed: each model's name, the writer, and the prompts of each split."""
    recipe, reported = replicate.recipe, replicate.report_config
    revisions = {reported.model: reported.revision}
    if recipe.images:
        revisions[recipe.images.model] = recipe.images.revision
    hashes = {}
    for model, revision in revisions.items():
        folder = checkpoints.pipeline_folder(model, revision)
        hashes[model] = checkpoints.fingerprint(folder)
    if recipe.prompts:
        sha256 = checkpoints.local_fingerprint(recipe.prompts.writer_choice.model)
        if sha256:
            hashes[WRITER] = sha256
    for split, config in (("validation", recipe.validation), ("test", recipe.test)):
        if config:
            hashes[split] = prompt_sets.prompts_sha256(prompt_sets.prompts_of(config))
    return hashes
