"""What an objective may ask of the base: predictions by whom it likes, all in one forward pass.

    better, reference = model.predict((batch, POLICY), (batch, BASE))

Every row of the forward pass runs through its own expert, or through the bare base, so that no
adapter is switched: a switch between forward and backward pass silently loses gradients.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from itertools import chain

import torch
from torch import Tensor

from engine.experts.sources.pictures.batches import Batch
from engine.models.denoiser import Denoiser
from engine.models.mixture import Mixture


class Role(Enum):
    """Who predicts a row, whichever expert the row belongs to."""

    POLICY = "the expert that learns from the row"
    BASE = "the base without any expert"


POLICY, BASE = Role.POLICY, Role.BASE
Who = Role | str
"""A text names an expert of the mixture: a frozen snapshot of the policy, or any other."""
Request = tuple[Batch, Who]


@dataclass(frozen=True)
class Piece:
    """Rows `rows` of one request's batch, which all run through one expert."""

    request: int
    rows: slice
    expert: str | None
    """None is the bare base."""

    def __len__(self) -> int:
        return self.rows.stop - self.rows.start


class Predictions:
    """One forward pass for rows that belong to several experts, and what is made of it.

    `owners` says how many rows of a batch belong to each expert, in the batch's order. Its `with`
    must hold the backward pass, too: layers that are computed again need the same experts.
    """

    def __init__(self, denoiser: Denoiser, mixture: Mixture, owners: Mapping[str, int]) -> None:
        self.denoiser, self.mixture, self.owners = denoiser, mixture, dict(owners)
        self._stack = ExitStack()
        self._used = False

    def __enter__(self) -> "Predictions":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def predict(self, *requests: Request) -> list[Tensor]:
        """For each (batch, who) the noise or velocity that is predicted: (rows, c, h, w), float32.

        Raises RuntimeError when called twice: the second call's experts would be those that the
        first call's layers are computed again with.
        """
        if self._used:
            raise RuntimeError("An objective predicts once. Ask for all it needs in one call.")
        self._used = True
        pieces = self._pieces(requests)
        self._stack.enter_context(self.mixture.grouped(_counts(pieces)))
        if len(requests) == 1:
            return [self.denoiser.predict(requests[0][0])]
        rows = Batch.cat([requests[piece.request][0][piece.rows] for piece in pieces])
        predicted = self.denoiser.predict(rows)
        return _by_request(predicted, pieces, len(requests))

    def target(self, batch: Batch) -> Tensor:
        """What a prediction should have been: (rows, c, h, w)."""
        return self.denoiser.target(batch)

    def errors(self, *requests: Request) -> list[Tensor]:
        """For each (batch, who) a squared error per row (rows,): the mean over channels and pixels,
        so that it does not grow with the resolution.
        """
        predicted = self.predict(*requests)
        errors = []
        for (batch, _), prediction in zip(requests, predicted, strict=True):
            error = prediction - self.target(batch)
            errors.append(error.square().mean(dim=(1, 2, 3)))
        return errors

    def _pieces(self, requests: Sequence[Request]) -> list[Piece]:
        """All rows of all requests, those of one expert side by side."""
        of_expert: dict[str | None, list[Piece]] = {}
        for request, (_, who) in enumerate(requests):
            for piece in self._pieces_of(request, who):
                of_expert.setdefault(piece.expert, []).append(piece)
        return list(chain.from_iterable(of_expert.values()))

    def _pieces_of(self, request: int, who: Who) -> Iterator[Piece]:
        start = 0
        for owner, count in self.owners.items():
            rows = slice(start, start + count)
            start = rows.stop
            if who is POLICY:
                yield Piece(request, rows, owner)
            elif who is BASE:
                yield Piece(request, rows, None)
            else:
                yield Piece(request, rows, str(who))


def _counts(pieces: Sequence[Piece]) -> dict[str | None, int]:
    """Rows of each expert, in the order of the pieces."""
    counts: dict[str | None, int] = {}
    for piece in pieces:
        counts[piece.expert] = counts.get(piece.expert, 0) + len(piece)
    return counts


def _by_request(predicted: Tensor, pieces: Sequence[Piece], requests: int) -> list[Tensor]:
    """The rows as each request had them."""
    by_request: list[list[Tensor]] = [[] for _ in range(requests)]
    rows = predicted.split(list(map(len, pieces)))
    in_order = sorted(zip(pieces, rows, strict=True), key=lambda found: found[0].rows.start)
    for piece, part in in_order:
        by_request[piece.request].append(part)
    return list(map(torch.cat, by_request))
