"""What a training step sees: rows of pictures with noise and noise levels."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.conditions import Conditions


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass."""

    latents: Tensor
    """(rows, c, h, w), float32, as the network sees them."""
    text: Conditions
    noise: Tensor
    """Standard normal, (rows, c, h, w), float32."""
    timesteps: Tensor
    """(rows,), integers."""

    def __len__(self) -> int:
        return len(self.timesteps)

    def __getitem__(self, rows: slice) -> "Batch":
        text = self.text.rows(rows)
        return Batch(self.latents[rows], text, self.noise[rows], self.timesteps[rows])

    @staticmethod
    def cat(parts: "Sequence[Batch]") -> "Batch":
        """The rows of all parts, one after another."""
        latents, text, noise, timesteps = [], [], [], []
        for part in parts:
            latents.append(part.latents)
            text.append(part.text)
            noise.append(part.noise)
            timesteps.append(part.timesteps)
        joined = Conditions.cat(text)
        return Batch(torch.cat(latents), joined, torch.cat(noise), torch.cat(timesteps))
