"""Storybook, the embedded world: scenes drawn from a seed, an English about them, and a judge that
reads them back.

Frozen before anything was trained. A change to what a scene looks like or to what a sentence means
is a new WORLD version, new weights and new results.
"""

from pathlib import Path

WORLD = "storybook-1"
ASSETS = Path(__file__).parents[2] / "assets"
MODELS = ASSETS / "storybook"
"""Where its models lie, with their list and what was measured of them."""
GUIDE = Path(__file__).with_name("README.md")
WRITER_TEMPERATURE = 0.7
"""At which the shipped writer is used, and measured."""
EXAMPLE = "two red balls and a blue star at night"
"""A text that shows what there is to say: what the app and the grid paint until they are told
another.
"""
