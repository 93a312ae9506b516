"""`python -m tests.benchmarks [names] [--quick] [--size storybook|sd15|sdxl]`: one JSON line a comparison."""
import argparse
import json
import sys
from dataclasses import asdict
from importlib import import_module

import torch

from tests.benchmarks.measure import Settings

NAMES = ("training", "sliders", "grid", "compress", "painting", "novelty", "counts", "memory")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES), help=f"of {', '.join(NAMES)}; all unless told")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, steps and pictures, under three minutes")
    parser.add_argument("--size", choices=("storybook", "sd15", "sdxl"), default="storybook",
                        help="the shipped base, or random weights of a real size")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in NAMES]:
        parser.error(f"no benchmark called {unknown[0]}")
    settings = Settings(asked.quick, asked.size, "cuda" if torch.cuda.is_available() else "cpu")
    for name in asked.names:
        module = import_module(f"tests.benchmarks.{name}")
        device = "cpu" if hasattr(module, "ON_CPU") else settings.device
        for row in module.rows(settings):
            print(json.dumps({**asdict(row), "size": settings.size, "device": device,
                              "threads": torch.get_num_threads(), "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
