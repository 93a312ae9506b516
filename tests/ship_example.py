"""`python -m tests.ship_example runs/quick`: a finished run becomes the one that the app opens with."""
import shutil
import sys
from pathlib import Path

SHIPPED = Path(__file__).parent.parent / "assets" / "example_run"
LEFT_BEHIND = ("jobs", "votes.db*", "latents.safetensors", "edited", "checkpoint*", "*.tmp")
"""What the app does not show, or can make again."""


def ship(run: Path, target: Path = SHIPPED) -> None:
    if not (run / "merges").is_dir():
        sys.exit(f"{run} is no finished run. Make one: python -m engine run assets/recipes/storybook-quick.toml "
                 f"--out {run}")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run, target, ignore=shutil.ignore_patterns(*LEFT_BEHIND))


if __name__ == "__main__":
    ship(Path(sys.argv[1]))
