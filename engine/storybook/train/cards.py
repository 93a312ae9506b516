"""A model card for each shipped model: what it learnt from, how long it took, what it measures."""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from engine.core.store import read_json, write_text
from engine.models.checkpoints import fingerprint
from engine.storybook import WORLD
from engine.storybook.captions import LEFT_OUT_COLOURS, LEFT_OUT_STYLES, NOISE
from engine.storybook.check import PLACES
from engine.storybook.train.writer import SKILL_COUNT

TASKS = {
    "vae": "image-to-image",
    "base": "text-to-image",
    "weak": "text-to-image",
    "writer": "text-generation",
}
LIBRARIES = {"vae": "diffusers", "base": "diffusers", "weak": "diffusers", "writer": "transformers"}
WHAT = {
    "vae": "The picture codec of Storybook: 64x64x3 to 16x16x8 and back.",
    "base": "The base painter of Storybook: a latent diffusion model in Stable Diffusion's format. "
    "Frozen before the first experiment.",
    "weak": "The weak sibling of the base: the base as it was after the first part of its "
    "training.",
    "writer": "The prompt writer of Storybook: continues three lines of any skill in their manner.",
}
BARS = {
    "vae": ("judge_exact_after_vae", "ceiling_dsg"),
    "base": ("base_dsg", "base_floor", "base_worst_skill", "base_best_guidance", "base_by_skill"),
    "weak": ("weak_dsg", "weak_floor", "weak_worst_skill", "weak_best_guidance"),
    "writer": (
        "writer_parses",
        "writer_on_skill",
        "writer_novel",
        "grammar_novel",
        "writer_unseen_skill",
    ),
}
FRONT = """---
license: apache-2.0
library_name: {library}
pipeline_tag: {task}
---
"""
CARD = "README.md"
RESULTS = "Results"


def write_card(model: str, training: Path, target: Path, checked: Path) -> None:
    """The card of `target`, from the training's history and, where it was run, the check's
    measurements.
    """
    history = read_json(training / "history.json")
    measured = read_json(checked) if checked.exists() else {}
    front = FRONT.format(library=LIBRARIES[model], task=TASKS[model])
    parts = [
        f"# Storybook {model}",
        WHAT[model],
        _learnt_from(model),
        _training(history),
        _results(model, target, measured),
    ]
    write_text(target / CARD, front + "\n\n".join(parts) + "\n")


def renew(assets: Path, measured: dict[str, Any]) -> None:
    """Put what was measured into the cards that ship."""
    for model, place in PLACES.items():
        card = assets / place / CARD
        before = card.read_text(encoding="utf-8").partition(RESULTS)[0]
        write_text(card, f"{before}{_results(model, assets / place, measured)}\n")


def _learnt_from(model: str) -> str:
    if model == "vae":
        return (
            f"Data: scenes of the world `{WORLD}` with 3 to 6 things in any colours, "
            "drawn from a seed; no captions."
        )
    if model == "writer":
        return (
            f"Data: texts of {SKILL_COUNT:,} made-up skills from the grammar, and of the five "
            "named, one document "
            "in three. No evaluation prompt is among them, and no skill whose texts all follow the "
            "rules of an "
            "untrained one; single rules of those, such as two groups of one kind, do occur."
        )
    rates = []
    for name, rate in vars(NOISE).items():
        rates.append(f"{name.replace('_', ' ')} {rate}")
    left_out = [f"{how} {kind}" for kind, how in LEFT_OUT_COLOURS + LEFT_OUT_STYLES]
    return (
        f"Data: scenes of the world `{WORLD}` with captions as the web writes them "
        f"({', '.join(rates)}). "
        f"Never seen: {', '.join(left_out)}."
    )


def _training(history: list[dict[str, Any]]) -> str:
    steps = [entry for entry in history if "loss" in entry]
    last = steps[-1]
    text = (
        f"Training: {last['step']} steps, about {_minutes(steps):.0f} minutes; "
        f"loss {last['loss']:.4f}"
    )
    held_out = [entry for entry in history if "validation" in entry]
    if held_out:
        what, curve = "validation loss", _thinned(held_out)
    else:
        what, curve = "mean loss of the batches since the step above", _means(steps)
    rows = "\n".join(f"| {step} | {loss:.4f} |" for step, loss in curve.items())
    return f"{text}.\n\n| step | {what} |\n|---|---|\n{rows}"


def _minutes(steps: list[dict[str, Any]]) -> float:
    """Each entry tells how long a step took since the entry before."""
    seconds, before = 0.0, 0
    for entry in steps:
        seconds += entry["seconds_per_step"] * (entry["step"] - before)
        before = entry["step"]
    return seconds / 60


def _thinned(held_out: list[dict[str, Any]]) -> dict[int, float]:
    """About eight points of the validation loss, and the last one."""
    points = [*held_out[:: _every(held_out)], held_out[-1]]
    return {point["step"]: point["validation"] for point in points}


def _means(steps: list[dict[str, Any]]) -> dict[int, float]:
    """The mean loss over about eight stretches, by the step each ends at."""
    every = _every(steps)
    curve = {}
    for first in range(0, len(steps), every):
        stretch = steps[first : first + every]
        curve[stretch[-1]["step"]] = fmean(entry["loss"] for entry in stretch)
    return curve


def _every(points: list[dict[str, Any]]) -> int:
    """So that about eight of them are shown."""
    return max(1, len(points) // 8)


def _results(model: str, target: Path, measured: dict[str, Any]) -> str:
    """Only what was measured of these very weights."""
    if not measured or measured["weights"].get(model) != fingerprint(target):
        return f"{RESULTS}: `python -m engine.storybook check`."
    bars = {name: measured[name] for name in BARS[model]}
    counts = {name: n for name, n in measured["n"].items() if name in bars}
    head = f"{RESULTS} (`python -m engine.storybook check`, n: {json.dumps(counts)}):"
    return f"{head}\n\n```json\n{json.dumps(bars, indent=2)}\n```"
