"""Which of several processes this is, as torchrun tells each of them. No torch."""

import os


def rank() -> int:
    """Counts from 0; the only process is 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes work together."""
    return int(os.environ.get("WORLD_SIZE", "1"))
