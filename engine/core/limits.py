"""What a page starts at most (`most_in_app`, `most_times_in_app`); a recipe may ask for more."""

from dataclasses import Field, fields
from typing import Any

from engine.core.errors import EngineError


def check(config: Any) -> None:
    """Raises EngineError for more than a field's metadata lets the app ask for.

    `most_in_app` is the highest value, `most_times_in_app` how often something may come in `steps`
    steps.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        _check_size(field, value)
        if value:
            _check_times(field, value, config)


def _check_size(field: Field, value: Any) -> None:
    most = field.metadata.get("most_in_app")
    if most is not None and value > most:
        raise EngineError(
            f"{field.name} is {value:,}, and the app starts {most:,} at most. For more, "
            "write a recipe and start it on the command line."
        )


def _check_times(field: Field, every_steps: int, config: Any) -> None:
    most_times = field.metadata.get("most_times_in_app")
    if not most_times or config.steps / every_steps <= most_times:
        return
    times = config.steps // every_steps
    raise EngineError(
        f"{field.name} is {every_steps:,}, which comes {times:,} times in {config.steps:,} steps, "
        f"and the app starts {most_times:,} at most. Raise it."
    )
