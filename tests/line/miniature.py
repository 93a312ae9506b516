"""The line in miniature: a recipe of seconds, and what a run of it leaves."""
import base64

import numpy as np

from engine.core.store import Store, read_records, write_records
from engine.core.types import Prompt, Score
from engine.models import tensor_files

TEXTS = {"counting": ("three red balls", "two blue stars at night", "four green trees"),
         "styles": ("a striped picture of a red heart", "an outline drawing of a blue boat", "a filled star")}
RECIPE = """
title = "in miniature"
model = "MODEL"
skills = ["counting", "styles"]

[prompts]
count = 3

[images]
steps = 2

[experts]
rank = 2
learning_rate = 0.05
steps = 6
batch_size = 2
log_every = 1
checkpoint_every = 2
sample_every = 0

[experts.experts]
counting = ["counting"]
styles = ["styles"]

[merge.experts]
counting = 1.0
styles = 1.0

[evaluate]
steps = 2
guidances = [1.0, 3.0]
prompts_per_skill = 2

[evaluate.models]
base = {}
merged = { counting = 0.5, styles = 0.5 }
file = { merged = 1.0 }

[validation]
keep_pictures = 0

[test]
pictures_per_prompt = 2

[deviations]
all = "of it"
"""


def written(out):
    """A run folder whose prompts someone has written."""
    for skill, texts in TEXTS.items():
        write_records(Store(out).prompts(skill), [Prompt(f"{skill}-{i}", skill, t) for i, t in enumerate(texts)])
    return out


def results(out):
    """What every result file holds, by its path; the header of a safetensors file has no fixed order."""
    weights = [*out.glob("experts/*/*.safetensors"), *out.glob("merges/*/*.safetensors")]
    others = [*out.glob("scores/**/*.jsonl"), *out.glob("images/*/*.png"), *out.glob("experts/*/losses.jsonl")]
    found = {path: {key: tensor.numpy().tobytes() for key, tensor in tensor_files.read(path)[0].items()}
             for path in weights} | {path: path.read_bytes() for path in others}
    return {str(path.relative_to(out)): content for path, content in found.items()}


def pixels(out, model):
    """Small likenesses of the pictures that a model was judged by on validation."""
    scores = read_records(Store(out).scores(model, "validation/storybook"), Score)
    return np.array([list(base64.b64decode(score.pooled)) for score in scores])
