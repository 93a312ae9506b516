"""A run folder with evaluation pictures, for the vote tests."""
from PIL import Image

from engine.core.store import Store, write_records
from engine.core.types import Picture

COLOURS = {"base": "red", "merged": "green", "joint": "blue"}


def paint_run(folder, prompts=4, models=("base", "merged"), seeds=(7,)):
    """Plain squares, a colour a model, so that a picture tells whose it is."""
    store = Store(folder)
    for model in models:
        records = []
        for number in range(prompts):
            for seed in seeds:
                name = f"{number}-{seed}.png"
                store.pictures(model).mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (64, 64), COLOURS[model]).save(store.pictures(model) / name)
                records.append(Picture(name, f"p{number}", f"prompt {number}", seed,
                                       f"/weights/{model}", "ddim", guidance=2.0, steps=20))
        write_records(store.pictures(model) / "metadata.jsonl", records)
    return store
