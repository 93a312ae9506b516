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
    "weak": "The weak sibling of the base: the base as it was after the first part of its training.",
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
CARD = "README.md"
RESULTS = "Results"


def write_card(model: str, training: Path, target: Path, checked: Path) -> None:
    """The card of `target`, from the training's history and, where it was run, the check's
    measurements.
    """
    history = read_json(training / "history.json")
    measured = read_json(checked) if checked.exists() else {}
    front = f"---\nlicense: apache-2.0\nlibrary_name: {LIBRARIES[model]}\npipeline_tag: {TASKS[model]}\n---\n"
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
        return f"Data: scenes of the world `{WORLD}` with 3 to 6 things in any colours, drawn from a seed; no captions."
    if model == "writer":
        return (
            f"Data: texts of {SKILL_COUNT:,} made-up skills from the grammar, and of the five "
            "named, one document "
            "in three. No evaluation prompt is among them, and no skill whose texts all follow the "
            "rules of an "
            "untrained one; single rules of those, such as two groups of one kind, do occur."
        )
    rates = ", ".join(f"{name.replace('_', ' ')} {rate}" for name, rate in vars(NOISE).items())
    left_out = ", ".join(f"{how} {kind}" for kind, how in (*LEFT_OUT_COLOURS, *LEFT_OUT_STYLES))
    return (
        f"Data: scenes of the world `{WORLD}` with captions as the web writes them ({rates}). "
        f"Never seen: {left_out}."
    )


def _training(history: list[dict[str, Any]]) -> str:
    steps = [h for h in history if "loss" in h]
    minutes = (
        sum(
            h["seconds_per_step"] * (h["step"] - before)
            for h, before in zip(steps, [0, *(h["step"] for h in steps)], strict=False)
        )
        / 60
    )
    text = f"Training: {steps[-1]['step']} steps, about {minutes:.0f} minutes"
    text += f"; loss {steps[-1]['loss']:.4f}"
    held_out = [h for h in history if "validation" in h]
    if held_out:
        what = "validation loss"
        curve = {h["step"]: h["validation"] for h in (*held_out[:: _every(held_out)], held_out[-1])}
    else:
        what, every = "mean loss of the batches since the step above", _every(steps)
        parts = [steps[first : first + every] for first in range(0, len(steps), every)]
        curve = {part[-1]["step"]: fmean(h["loss"] for h in part) for part in parts}
    rows = "\n".join(f"| {step} | {loss:.4f} |" for step, loss in curve.items())
    return f"{text}.\n\n| step | {what} |\n|---|---|\n{rows}"


def _every(points: list[dict[str, Any]]) -> int:
    """So that about eight of them are shown."""
    return max(1, len(points) // 8)


def _results(model: str, target: Path, measured: dict[str, Any]) -> str:
    """Only what was measured of these very weights."""
    if not measured or measured["weights"].get(model) != fingerprint(target):
        return f"{RESULTS}: `python -m engine.storybook check`."
    found = {name: measured[name] for name in BARS[model]}
    counts = {name: n for name, n in measured["n"].items() if name in found}
    head = f"{RESULTS} (`python -m engine.storybook check`, n: {json.dumps(counts)}):"
    return f"{head}\n\n```json\n{json.dumps(found, indent=2)}\n```"
