"""What a judge returns, held to what it promises before anything is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from engine.core.errors import EngineError
from engine.core.files import line_of, record_of
from engine.core.misfits import shortened
from engine.core.types import Prompt, Score

NO_REASON = "no value and no reason"


@dataclass(frozen=True)
class Promise:
    """What holds for all scores of one judge."""

    judge: str
    file: str
    """Which to mend where a score breaks the promise."""
    scale: tuple[float, float] | None
    """The lowest and the highest value; None where the judge declares none."""

    def checked(
        self, scores: Iterable[Any], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Score]:
        """The scores, their values plain floats. Raises EngineError for the first that is wrong."""
        found = list(scores)
        if len(found) != len(prompts):
            counts = f"{len(found)} scores for {len(prompts)} pictures"
            raise self._broken(counts, "each picture needs one, in their order")
        checked = []
        for score, prompt, seed in zip(found, prompts, seeds, strict=True):
            checked.append(self._one(score, prompt, seed))
        return checked

    def _one(self, score: Any, prompt: Prompt, seed: int) -> Score:
        about = f"for {shortened(prompt.text)}"
        if not isinstance(score, Score):
            what = f"a {type(score).__name__} {about}"
            raise self._broken(what, "it has to be an engine.core.types.Score")
        asked = {"prompt_id": prompt.id, "seed": seed, "judge": self.judge}
        for name, right in asked.items():
            value = getattr(score, name)
            if value != right:
                what = f"the {name} {shortened(value)} {about}"
                raise self._broken(what, f"it is {right!r}")
        value = self._value(score, about)
        whole = replace(score, prompt_id=prompt.id, seed=seed, value=value)
        try:
            record_of(line_of(whole), Score)
        except (TypeError, ValueError, RecursionError) as error:
            what = f"a score {about} that no file can hold ({error})"
            raise self._broken(what, "evidence holds plain numbers, texts and lists") from error
        return whole

    def _value(self, score: Score, about: str) -> float | None:
        if score.value is None:
            if not score.unscored:
                remedy = "Evidence(unscored=...) has to say why the text cannot be read"
                raise self._broken(f"{NO_REASON} {about}", remedy)
            return None
        number = _number(score.value)
        if number is None:
            what = f"{shortened(score.value)} {about}"
            raise self._broken(what, "a value is a number, or None")
        if self.scale is None:
            if not isfinite(number):
                raise self._broken(f"{number:g} {about}", "a value is a finite number")
            return number
        low, high = self.scale
        if not low <= number <= high:  # nor is NaN
            raise self._broken(f"{number:g} {about}", f"its SCALE is {low:g} to {high:g}")
        return number

    def _broken(self, what: str, rule: str) -> EngineError:
        return EngineError(f"The judge {self.judge} gave {what}; {rule}. Mend {self.file}.")


def _number(value: Any) -> float | None:
    """A plain float of a number of any library; None for what is no number."""
    if isinstance(value, str | bytes):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # RuntimeError: a tensor of many
        return None
