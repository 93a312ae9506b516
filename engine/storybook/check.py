"""Every bar of the shipped world, measured: `python -m engine.storybook check` prints them as one
JSON line.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.core.errors import EngineError
from engine.core.types import Prompt
from engine.models.checkpoints import fingerprint
from engine.models.diffusion import Painter, PaintingOptions, load
from engine.storybook import WORLD, evaluation
from engine.storybook.check_writer import writer_bars
from engine.storybook.reading import Seen, read
from engine.storybook.rules import Rules, draw, imagine
from engine.storybook.scenes import Rgb, Scene, paint
from engine.storybook.verdicts import to_pixels, verdict

STORYBOOK = evaluation.ASSETS / "storybook"
PLACES = {"base": "base", "vae": "base/vae", "weak": "weak", "writer": "writer"}
"""Where the models lie in it."""
PARTS = ("judge", "vae", "base", "weak", "writer")
GUIDANCES = (1.0, 2.0, 3.5, 5.0)
STEPS = 20
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


def renewed(known: dict[str, Any], found: dict[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """What was known, with some parts measured anew. Raises EngineError when the others' weights
    have changed.
    """
    others = [name for name in found["weights"] if name not in parts]
    if changed := [name for name in others if known["weights"].get(name) != found["weights"][name]]:
        raise EngineError(
            f"The weights of {changed[0]} have changed since it was measured. Measure everything "
            "again."
        )
    return known | found | {"n": known["n"] | found["n"]}


def _part(part: str, size: Size, counts: dict[str, int]) -> dict[str, Any]:
    if part == "judge":
        return judge_alone(size.scenes, counts)
    if part == "vae":
        return judge_after_vae(load("storybook"), size.trips, size.prompts, counts)
    if part == "writer":
        return writer_bars(STORYBOOK / "writer", size.lines, counts)
    painter = load("storybook" if part == "base" else "storybook-weak")
    return painter_bars(painter, part, size.prompts, size.guidances, counts)


def weights(assets: Path = STORYBOOK) -> dict[str, str]:
    """Of the models that are there: what was measured, so that no card tells it of other weights."""
    return {
        name: fingerprint(assets / place)
        for name, place in PLACES.items()
        if (assets / place).is_dir()
    }


def fresh_scenes(number: int, seed: int) -> list[Scene]:
    rng = np.random.default_rng(seed)
    scenes: list[Scene] = []
    while len(scenes) < number:
        scene = imagine(draw(SCENE_RULES[len(scenes) % len(SCENE_RULES)], rng), rng)
        scenes += [scene] if scene is not None else []
    return scenes


def is_read(scene: Scene, seen: Seen) -> bool:
    """No error at all: every thing and its colour, the background, the style, and places
    less than six pixels off, right and down together."""

    def named(things: tuple[Any, ...]) -> list[tuple[str, str, float, float]]:
        return sorted((t.kind, t.colour, t.x, t.y) for t in things)

    drawn, found = named(scene.things), named(seen.things)
    same_things = [d[:2] for d in drawn] == [f[:2] for f in found]
    if not same_things or (scene.background, scene.style) != (seen.background, seen.style):
        return False
    return all(
        min(abs(d[2] - f[2]) + abs(d[3] - f[3]) for f in found if f[:2] == d[:2]) < 6 for d in drawn
    )


def judge_alone(number: int, counts: dict[str, int]) -> dict[str, float]:
    scenes = fresh_scenes(number, seed=101)
    pictures = [paint(scene) for scene in scenes]
    began = time.process_time()
    seen = [read(picture) for picture in pictures]
    spent_ms = (time.process_time() - began) / number * 1000
    counts["judge_exact"] = counts["judge_ms"] = number
    exact = np.mean([is_read(s, r) for s, r in zip(scenes, seen, strict=True)])
    return {"judge_exact": float(exact), "judge_ms": round(spent_ms, 2)}


def judge_after_vae(
    painter: Painter, number: int, prompts: int, counts: dict[str, int]
) -> dict[str, float]:
    """Scenes without any error, and the DSG of true scenes of the validation prompts: no painter is
    better.
    """
    scenes = fresh_scenes(number, seed=102)
    pictures = round_trip(painter, scenes)
    exact = np.mean([is_read(s, read(p)) for s, p in zip(scenes, pictures, strict=True)])
    texts = [
        p.text
        for skill in evaluation.SKILLS
        for p in evaluation.load("validation", skill)[:prompts]
    ]
    true = round_trip(
        painter, [evaluation.true_scene(text, seed) for seed, text in enumerate(texts)]
    )
    counts |= {"judge_exact_after_vae": number, "ceiling_dsg": len(texts)}
    return {"judge_exact_after_vae": float(exact), "ceiling_dsg": round(mean_dsg(texts, true), 4)}


def round_trip(painter: Painter, scenes: Sequence[Scene], batch: int = 50) -> list[Rgb]:
    """Through the codec and back: what a perfect painter could show at best."""
    images = [Image.fromarray(paint(scene)) for scene in scenes]
    return [
        to_pixels(image)
        for i in range(0, len(images), batch)
        for image in painter.round_trip(images[i : i + batch])
    ]


def painter_bars(
    painter: Painter, name: str, number: int, guidances: tuple[float, ...], counts: dict[str, int]
) -> dict[str, Any]:
    """Macro DSG on validation at the best of the guidances, the weakest skill and the floor there,
    the whole curve.
    """
    curve = {g: dsg_by_skill(painter, number, g) for g in guidances}
    own = {g: float(np.mean([dsg for dsg, _ in of.values()])) for g, of in curve.items()}
    best = max(own, key=lambda g: own[g])
    by_skill = {skill: round(dsg, 3) for skill, (dsg, _) in curve[best].items()}
    counts |= {
        f"{name}_dsg": number * len(by_skill),
        f"{name}_floor": number * len(by_skill),
        f"{name}_worst_skill": number,
    }
    return {
        f"{name}_dsg": round(own[best], 4),
        f"{name}_worst_skill": min(by_skill.values()),
        f"{name}_floor": round(float(np.mean([floor for _, floor in curve[best].values()])), 4),
        f"{name}_best_guidance": best,
        f"{name}_by_skill": by_skill,
        f"{name}_by_guidance": {str(g): round(dsg, 4) for g, dsg in own.items()},
    }


def dsg_by_skill(painter: Painter, number: int, guidance: float) -> dict[str, tuple[float, float]]:
    """By skill: DSG, and the floor, what the same pictures score by other prompts of the skill."""
    result = {}
    for skill in evaluation.SKILLS:
        prompts: list[Prompt] = evaluation.load("validation", skill)[:number]
        texts = [p.text for p in prompts]
        seeds = list(range(len(texts)))
        painted = painter.paint(texts, seeds, guidance, PaintingOptions(steps=STEPS))
        pictures = [to_pixels(p.image) for p in painted]
        half = len(texts) // 2
        result[skill] = (
            mean_dsg(texts, pictures),
            mean_dsg([*texts[half:], *texts[:half]], pictures),
        )
    return result


def mean_dsg(texts: Sequence[str], pictures: Sequence[Rgb]) -> float:
    return float(
        np.mean([verdict(text, pixels).dsg for text, pixels in zip(texts, pictures, strict=True)])
    )
