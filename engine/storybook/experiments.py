"""The experiments on Storybook: recipes of assets/results, and what their arms are in words."""

RESULTS = "storybook"
"""Compares all arms, with replicates."""
TUNING = {
    "base": "the base",
    "no-dropout": "300 steps at 1e-4, annealed and averaged",
    "joint": "the same with a tenth of the captions empty, as in the next four rows",
    "slow": "at 3e-5",
    "fast": "at 3e-4",
    "long": "1,200 steps",
    "calm": "on pictures painted without guidance",
    "as-published": "at a constant 3e-4, not averaged, no empty captions",
}
SIZE = {
    "half": "on 200 pictures a skill, the recipe's amount",
    "whole": "on 400 pictures a skill",
    "tenth": "on 40 pictures a skill",
    "rank-4": "on 400, rank 4 instead of 16",
    "rank-64": "on 400, rank 64",
}
SEARCHES = {"tuning": TUNING, "size": SIZE}
"""Recipe that searched for better settings -> arm -> what the arm is."""
