"""What a training step sees: rows of pictures with noise and noise levels."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.experts.sources.pictures.library import chosen
from engine.models.sampling import Embeddings


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass."""

    latents: Tensor
    """(rows, c, h, w), float32, as the UNet sees them."""
    text: Embeddings
    noise: Tensor
    """Standard normal, (rows, c, h, w), float32."""
    timesteps: Tensor
    """(rows,), integers."""

    def __len__(self) -> int:
        return len(self.timesteps)

    def __getitem__(self, rows: slice) -> "Batch":
        return Batch(
            self.latents[rows], chosen(self.text, rows), self.noise[rows], self.timesteps[rows]
        )

    @staticmethod
    def cat(parts: "Sequence[Batch]") -> "Batch":
        """The rows of all parts, one after another."""
        return Batch(
            torch.cat([part.latents for part in parts]),
            Embeddings.cat([part.text for part in parts]),
            torch.cat([part.noise for part in parts]),
            torch.cat([part.timesteps for part in parts]),
        )
