"""A finished run folder in the stages' own formats, painted as if by models that sometimes paint another scene."""
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from engine.core.hashing import derived_seed
from engine.core.store import Store, write_json, write_records, write_text
from engine.core.types import Picture, Prompt, RejectedPrompt
from engine.evaluate import diversity
from engine.storybook import evaluation
from engine.storybook.judges import storybook
from engine.storybook.language import parse
from engine.storybook.rules import draw, imagine
from engine.storybook.scenes import paint
from engine.storybook.speech import say

SKILLS = ("counting", "places", "styles")
MISTAKES = {"base@3.5": 0.6, "merged@2": 0.25, "counting@3.5": 0.4}
"""Share of another scene's pictures, by model."""
MIX = {skill: 1 / 3 for skill in SKILLS}
RECIPE = """
title = "an example"
model = "MODEL"
skills = ["counting", "places", "styles"]

[prompts]
count = 8

[images]
steps = 2

[experts]
steps = 300
experts = { counting = ["counting"], places = ["places"], styles = ["styles"] }
"""


def make_run(folder: Path, model: str = "storybook", prompts: int = 8, judged: int = 6) -> Store:
    """A run of three skills; its experts have everything but weights, which `add_weights` makes."""
    store = Store(folder)
    write_text(folder / "recipe.toml", RECIPE.replace("MODEL", model))
    for number, skill in enumerate(SKILLS):
        rng = np.random.default_rng(number)
        written = write_prompts(store, skill, prompts, rng)
        paint_training(store, skill, written, rng)
        train(store, skill, written, model, rng)
    write_json(store.merge("merged") / "recipe.json", {
        "kind": "merge", "name": "merged", "method": "average", "options": {"strength": 1.0}, "experts": MIX,
        "base": {"model": model}})
    for model_name, mistakes in MISTAKES.items():
        evaluate(store, model_name, mistakes, judged)
    return store


def write_prompts(store: Store, skill: str, count: int, rng: np.random.Generator) -> list[Prompt]:
    rules = evaluation.rules_of(skill)
    texts = list(dict.fromkeys(say(draw(rules, rng), rng, rules.form == "paragraph") for _ in range(2 * count)))[:count]
    written = [Prompt(f"{skill}-{n}", skill, text, "storybook", 0.9 - 0.05 * n) for n, text in enumerate(texts)]
    write_records(store.prompts(skill), written)
    write_records(store.rejections(skill), [
        RejectedPrompt(skill, texts[0], "too similar", texts[0], 1.0),
        RejectedPrompt(skill, "a <b>dog</b> on a skateboard", "not Storybook: “dog” is not one of its words",
                       "a red ball")])
    return written


def paint_training(store: Store, skill: str, written: Sequence[Prompt], rng: np.random.Generator) -> None:
    records = []
    for number, prompt in enumerate(written):
        name = f"{number:05d}.png"
        save(scene(prompt.text, rng, 0.4), store.images(skill) / name)
        records.append(Picture(name, prompt.id, prompt.text, number, "storybook", "dpmsolver++", 3.5, 20))
    write_records(store.images(skill) / "metadata.jsonl", records)


def train(store: Store, name: str, written: Sequence[Prompt], model: str, rng: np.random.Generator) -> None:
    folder, points = store.expert(name), []
    for step in range(0, 301, 10):
        train = 0.16 + 0.09 * np.exp(-step / 80) + rng.normal(0, 0.012) if step else None
        held_out = 0.19 + 0.07 * np.exp(-step / 90) if step % 50 == 0 else None
        points.append({"step": step, "expert": name, "train_loss": train, "held_out_loss": held_out})
    write_text(folder / "losses.jsonl", "".join(json.dumps(point) + "\n" for point in points))
    captions = [prompt.text for prompt in written[:2]]
    for step in (0, 100, 200, 300):
        for number, text in enumerate(captions):
            save(scene(text, rng, 0.7 - step / 500), folder / "samples" / f"step-{step:06}-{number}.png")
    write_json(folder / "samples" / "samples.json", {"captions": captions, "guidance": 3.5, "steps": 20})
    write_json(folder / "recipe.json", {"name": name, "skills": [name], "base": {"model": model}, "step": 300})


def evaluate(store: Store, model: str, mistakes: float, count: int) -> None:
    judge, scores, records = storybook.judge(storybook.Config()), [], []
    for skill in SKILLS:
        for prompt in evaluation.load("test", skill)[:count]:
            for number in range(2):
                seed = derived_seed(0, prompt.id, number)
                rng = np.random.default_rng((seed, len(model)))
                image, name = scene(prompt.text, rng, mistakes), f"{prompt.id}-{number}.png"
                score = judge([prompt], [image], [seed])[0]
                evidence = replace(score.evidence, skill=skill, text=prompt.text, number=number,
                                   pooled=diversity.pool(image))
                scores.append(replace(score, evidence=evidence))
                if number == 0:
                    save(image, store.pictures(model) / name)
                    records.append(Picture(name, prompt.id, prompt.text, seed, "storybook", "dpmsolver++", 3.5, 20))
    write_records(store.scores(model, "test/storybook"), scores)
    write_records(store.pictures(model) / "metadata.jsonl", records)


def scene(text: str, rng: np.random.Generator, mistakes: float) -> Image.Image:
    """What the text says, or with some chance what a random text of a random skill says."""
    graph = parse(text)
    if rng.random() < mistakes:
        graph = draw(evaluation.rules_of(str(rng.choice(SKILLS))), rng)
    found = None
    while found is None:
        found = imagine(graph, rng)
        graph = graph if found else draw(evaluation.rules_of("counting"), rng)
    return Image.fromarray(paint(found))


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def add_weights(store: Store, model: Path) -> None:
    """Random LoRAs for the experts, of the base in `model`; small ones, or rounding alone would change pictures."""
    import torch
    from diffusers import UNet2DConditionModel

    from engine.models.lora import expert_files
    from engine.models.lora.factors import Lora, target_layers
    unet = UNet2DConditionModel.from_pretrained(model / "unet")
    lora = Lora(rank=4, alpha=64.0)
    for number, skill in enumerate(SKILLS):
        expert = lora.expert(target_layers(unet, lora.targets), skill, seed=number)
        for path, factors in expert.items():
            generator = torch.Generator().manual_seed(number)
            expert[path] = factors._replace(b=torch.randn(factors.b.shape, generator=generator) * 0.03)
        expert_files.write(store.expert(skill), expert, {"name": skill, "base": {"model": str(model)}})
