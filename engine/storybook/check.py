"""Every bar of the shipped world, measured: `python -m engine.storybook check` prints them as one
JSON line.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from engine.core.errors import EngineError
from engine.core.types import Prompt
from engine.models.checkpoints import fingerprint
from engine.models.diffusion import Painter, PaintingOptions, load
from engine.storybook import MODELS, WORLD, evaluation
from engine.storybook.check_writer import writer_bars
from engine.storybook.reading import PictureReading, read
from engine.storybook.rules import Rules, draw, imagine
from engine.storybook.scenes import Rgb, Scene, Thing, paint
from engine.storybook.verdicts import to_pixels, verdict

PLACES = {"base": "base", "vae": "base/vae", "weak": "weak", "writer": "writer"}
"""Where the models lie in it."""
PARTS = ("judge", "vae", "base", "weak", "writer")
GUIDANCES = (1.0, 2.0, 3.5, 5.0)
STEPS = 20
MOST_PIXELS_OFF = 6
"""A thing read so far from where it was drawn is an error."""
SCENE_RULES = (
    Rules(groups=(1, 4), style="always", background="always"),
    Rules(groups=(1, 2), each=(1, 6), style="always"),
    Rules(groups=(3, 5), links=(2, 4), style="always"),
)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    scenes: int = 5000
    trips: int = 1000
    prompts: int = 100
    lines: int = 200
    guidances: tuple[float, ...] = GUIDANCES


QUICK = Size(500, 200, 16, 40, (2.0, 3.5))


def measure(size: Size, parts: Sequence[str] = PARTS) -> dict[str, Any]:
    """The bars of these parts by name, n for each under "n", and every model's sha256.

    Raises EngineError where a model is missing.
    """
    counts: dict[str, int] = {}
    bars: dict[str, Any] = {"world": WORLD, "n": counts}
    for part in parts:
        bars |= _part(part, size, counts)
    return bars | {"weights": weights()}


def renew(known: dict[str, Any], found: dict[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """What was known, with some parts measured anew. Raises EngineError when the others' weights
    have changed.
    """
    for name, weights_hash in found["weights"].items():
        if name not in parts and known["weights"].get(name) != weights_hash:
            raise EngineError(
                f"The weights of {name} have changed since it was measured. "
                "Measure everything again."
            )
    return known | found | {"n": known["n"] | found["n"]}


def _part(part: str, size: Size, counts: dict[str, int]) -> dict[str, Any]:
    if part == "judge":
        return judge_alone(size.scenes, counts)
    if part == "vae":
        return judge_after_vae(load("storybook"), size.trips, size.prompts, counts)
    if part == "writer":
        return writer_bars(MODELS / "writer", size.lines, counts)
    painter = load("storybook" if part == "base" else "storybook-weak")
    return painter_bars(painter, part, size.prompts, size.guidances, counts)


def weights(assets: Path = MODELS) -> dict[str, str]:
    """Of the models that are there: what was measured, so no card tells it of others."""
    hashes = {}
    for name, place in PLACES.items():
        if (assets / place).is_dir():
            hashes[name] = fingerprint(assets / place)
    return hashes


def fresh_scenes(number: int, seed: int) -> list[Scene]:
    rng = np.random.default_rng(seed)
    scenes: list[Scene] = []
    while len(scenes) < number:
        rules = SCENE_RULES[len(scenes) % len(SCENE_RULES)]
        scene = imagine(draw(rules, rng), rng)
        if scene is not None:
            scenes.append(scene)
    return scenes


def is_read(scene: Scene, seen: PictureReading) -> bool:
    """No error at all: every thing and its colour, the background, the style, and places
    less than six pixels off, right and down together."""
    drawn, read_back = _in_order(scene.things), _in_order(seen.things)
    if [thing[:2] for thing in drawn] != [thing[:2] for thing in read_back]:
        return False
    if (scene.background, scene.style) != (seen.background, seen.style):
        return False
    return all(_pixels_off(thing, read_back) < MOST_PIXELS_OFF for thing in drawn)


PlacedThing = tuple[str, str, float, float]
"""Kind, colour, x, y."""


def _in_order(things: Sequence[Thing]) -> list[PlacedThing]:
    return sorted((t.kind, t.colour, t.x, t.y) for t in things)


def _pixels_off(thing: PlacedThing, others: Sequence[PlacedThing]) -> float:
    """To the nearest of the same kind and colour."""
    kind, colour, x, y = thing
    distances = []
    for other_kind, other_colour, other_x, other_y in others:
        if (other_kind, other_colour) == (kind, colour):
            distances.append(abs(x - other_x) + abs(y - other_y))
    return min(distances)


def _share_read(scenes: Sequence[Scene], readings: Sequence[PictureReading]) -> float:
    exact = [is_read(scene, seen) for scene, seen in zip(scenes, readings, strict=True)]
    return float(np.mean(exact))


def judge_alone(number: int, counts: dict[str, int]) -> dict[str, float]:
    scenes = fresh_scenes(number, seed=101)
    pictures = [paint(scene) for scene in scenes]
    began = time.process_time()
    readings = [read(picture) for picture in pictures]
    spent_ms = (time.process_time() - began) / number * 1000
    counts["judge_exact"] = counts["judge_ms"] = number
    return {"judge_exact": _share_read(scenes, readings), "judge_ms": round(spent_ms, 2)}


def judge_after_vae(
    painter: Painter, number: int, prompts: int, counts: dict[str, int]
) -> dict[str, float]:
    """Scenes without any error, and the DSG of true scenes of the validation prompts: no painter is
    better.
    """
    scenes = fresh_scenes(number, seed=102)
    readings = [read(picture) for picture in round_trip(painter, scenes)]
    exact = _share_read(scenes, readings)
    texts: list[str] = []
    for skill in evaluation.SKILLS:
        texts += _validation_texts(skill, prompts)
    true_scenes = [evaluation.true_scene(text, seed) for seed, text in enumerate(texts)]
    ceiling = mean_dsg(texts, round_trip(painter, true_scenes))
    counts |= {"judge_exact_after_vae": number, "ceiling_dsg": len(texts)}
    return {"judge_exact_after_vae": exact, "ceiling_dsg": round(ceiling, 4)}


def _validation_texts(skill: str, number: int) -> list[str]:
    prompts: list[Prompt] = evaluation.load("validation", skill)
    return [prompt.text for prompt in prompts[:number]]


def round_trip(painter: Painter, scenes: Sequence[Scene], batch: int = 50) -> list[Rgb]:
    """Through the codec and back: what a perfect painter could show at best."""
    images = [Image.fromarray(paint(scene)) for scene in scenes]
    pictures: list[Rgb] = []
    for first in range(0, len(images), batch):
        decoded = painter.round_trip(images[first : first + batch])
        pictures += map(to_pixels, decoded)
    return pictures


class DsgAndFloor(NamedTuple):
    """What pictures score by their own prompts, and by other prompts of the skill."""

    dsg: float
    floor: float


def painter_bars(
    painter: Painter, name: str, number: int, guidances: tuple[float, ...], counts: dict[str, int]
) -> dict[str, Any]:
    """Macro DSG on validation at the best of the guidances, the weakest skill and the floor there,
    the whole curve.
    """
    curve = {guidance: dsg_by_skill(painter, number, guidance) for guidance in guidances}
    means = {guidance: _mean_of_dsg(by_skill) for guidance, by_skill in curve.items()}
    best = max(means, key=lambda guidance: means[guidance])
    by_skill = {skill: round(score.dsg, 3) for skill, score in curve[best].items()}
    floor = float(np.mean([score.floor for score in curve[best].values()]))
    by_guidance = {str(guidance): round(mean, 4) for guidance, mean in means.items()}
    counts[f"{name}_dsg"] = counts[f"{name}_floor"] = number * len(by_skill)
    counts[f"{name}_worst_skill"] = number
    bars = {
        "dsg": round(means[best], 4),
        "worst_skill": min(by_skill.values()),
        "floor": round(floor, 4),
        "best_guidance": best,
        "by_skill": by_skill,
        "by_guidance": by_guidance,
    }
    return {f"{name}_{bar}": value for bar, value in bars.items()}


def _mean_of_dsg(by_skill: Mapping[str, DsgAndFloor]) -> float:
    return float(np.mean([score.dsg for score in by_skill.values()]))


def dsg_by_skill(painter: Painter, number: int, guidance: float) -> dict[str, DsgAndFloor]:
    """At one guidance scale, in the first `number` validation prompts of each skill."""
    scores = {}
    for skill in evaluation.SKILLS:
        texts = _validation_texts(skill, number)
        seeds = list(range(len(texts)))
        painted = painter.paint(texts, seeds, guidance, PaintingOptions(steps=STEPS))
        pictures = [to_pixels(row.image) for row in painted]
        half = len(texts) // 2
        other_texts = texts[half:] + texts[:half]
        scores[skill] = DsgAndFloor(mean_dsg(texts, pictures), mean_dsg(other_texts, pictures))
    return scores


def mean_dsg(texts: Sequence[str], pictures: Sequence[Rgb]) -> float:
    scores = [verdict(text, pixels).dsg for text, pixels in zip(texts, pictures, strict=True)]
    return float(np.mean(scores))
