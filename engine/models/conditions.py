"""What a denoiser reads of texts: tensors by name, in each a row for every text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

MASK = "mask"
"""The name of the tensor (n, tokens) that says which tokens count, where a family has one."""


@dataclass(frozen=True)
class Conditions:
    """Tensors of n rows each; their names are the family's, and those in files of latents.

    `embeddings` (n, tokens, dim) is there in every family; others may be `pooled` (n, dim), the
    sizes of the picture `time_ids` (n, 6), and `mask` (n, tokens) where texts differ in length.
    """

    tensors: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(self.tensors["embeddings"])

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    @property
    def mask(self) -> Tensor | None:
        """(n, tokens), true where a token counts; None where all of them do."""
        return self.tensors.get(MASK)

    @staticmethod
    def cat(parts: "Sequence[Conditions]") -> "Conditions":
        """The rows of all parts, one after another.

        With a mask the parts may differ in their number of tokens: the shorter are filled up with
        tokens that do not count.
        """
        if parts[0].mask is not None:
            longest = max(part[MASK].shape[1] for part in parts)
            parts = [part.padded(longest) for part in parts]
        joined = {}
        for name in parts[0].tensors:
            joined[name] = torch.cat([part[name] for part in parts])
        return Conditions(joined)

    def rows(self, index: Tensor | slice) -> "Conditions":
        """Some of the rows, in that order."""
        return Conditions({name: tensor[index] for name, tensor in self.tensors.items()})

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "Conditions":
        """On another device, and its fractions in another type; a mask keeps its own."""
        moved = {}
        for name, tensor in self.tensors.items():
            kind = dtype if tensor.is_floating_point() else None
            moved[name] = tensor.to(device=device, dtype=kind)
        return Conditions(moved)

    def replaced(self, where: Tensor, row: "Conditions") -> "Conditions":
        """These rows, but the one of `row` wherever `where` (n,) is true."""
        replaced = {}
        for name, tensor in self.tensors.items():
            chosen = where.view(-1, *[1] * (tensor.dim() - 1))
            replaced[name] = torch.where(chosen, row[name].to(tensor.dtype), tensor)
        return Conditions(replaced)

    def padded(self, tokens: int) -> "Conditions":
        """So many tokens a row, the new ones masked. Only what has a mask can be padded."""
        missing = tokens - self.tensors[MASK].shape[1]
        padded = dict(self.tensors)
        padded[MASK] = functional.pad(self[MASK], (0, missing))
        padded["embeddings"] = functional.pad(self["embeddings"], (0, 0, 0, missing))
        return Conditions(padded)


def to_store(
    text: Conditions, empty: Conditions, empty_names: Mapping[str, str | None]
) -> dict[str, Tensor]:
    """Tensors for a file of latents, on the CPU.

    `empty_names` is a family's: the name under which each condition keeps its row of the empty
    text. None is a condition that all texts share, which needs no such row.
    """
    stored = {}
    for name, empty_name in empty_names.items():
        stored[name] = text[name].cpu()
        if empty_name is not None:
            stored[empty_name] = empty[name].cpu()
    return stored


def from_stored(
    tensors: Mapping[str, Tensor], empty_names: Mapping[str, str | None]
) -> tuple[Conditions, Conditions]:
    """The conditions of the texts, and the row of the empty text, out of a file of latents."""
    text = {}
    empty = {}
    for name, empty_name in empty_names.items():
        text[name] = tensors[name]
        empty[name] = tensors[name][:1] if empty_name is None else tensors[empty_name]
    return Conditions(text), Conditions(empty)
