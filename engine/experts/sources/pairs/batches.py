"""What a training step on preferences sees."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.experts.sources.pictures.batches import Batch


@dataclass(frozen=True)
class PairBatch:
    """Rows of pairs. Caption, noise and noise level of a row's two pictures are the same."""

    better: Batch
    worse: Batch

    def __len__(self) -> int:
        return len(self.better)

    def __getitem__(self, rows: slice) -> "PairBatch":
        return PairBatch(self.better[rows], self.worse[rows])

    @staticmethod
    def cat(parts: "Sequence[PairBatch]") -> "PairBatch":
        """The rows of all parts, one after another."""
        better = Batch.cat([part.better for part in parts])
        worse = Batch.cat([part.worse for part in parts])
        return PairBatch(better, worse)
