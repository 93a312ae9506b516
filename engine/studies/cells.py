"""The pictures of a grid, and what the judge says of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from PIL import Image

from engine.core.evidence import Answer, Evidence
from engine.core.plugins import PluginChoice
from engine.core.types import Prompt, file_fault

MOST_CELLS = 400


@dataclass(frozen=True)
class Cell:
    """One picture of a grid."""

    file_name: str
    prompt: str
    column: int
    row: int
    x: float
    y: float
    """Where it lies on the axes."""
    weights: dict[str, float]
    guidance: float
    value: float | None = None
    """The judge's; None where it was not asked or cannot read the text."""
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def answers(self) -> Sequence[Answer]:
        """In the order of the judge's questions; none where nobody asked."""
        return self.evidence.questions or ()

    def fault(self) -> str:
        """What makes it no picture of its grid, or ""."""
        if min(self.column, self.row) < 0 or max(self.column, self.row) >= MOST_CELLS:
            return f"row {self.row}, column {self.column} is no place in a grid"
        return file_fault(self.file_name)


Judge = Callable[[Cell, Image.Image], Cell]
"""From a cell and its picture to the cell with what is said of it."""


def judge_of(choice: PluginChoice, seed: int) -> Judge:
    """The judge of that choice; where it names none a cell stays as it is."""
    if not choice.name:
        return lambda cell, image: cell
    judge = choice.open()

    def judged(cell: Cell, image: Image.Image) -> Cell:
        (score,) = judge([Prompt("", "", cell.prompt)], [image], [seed])
        return replace(cell, value=score.value, evidence=score.evidence)

    return judged
