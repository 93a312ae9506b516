"""Writes the experts' files, in the one process that writes."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.core.store import Store
from engine.experts import checkpoints
from engine.experts.checkpoints import Point
from engine.experts.devices import Devices
from engine.experts.learner import Learner
from engine.models.mixture import Mixture

STOP = "stop"
"""A file of this name in experts/ or in an expert's folder asks to save and stop."""


class Files:
    """The folders of the experts that learn."""

    def __init__(
        self, store: Store, devices: Devices, mixture: Mixture, identities: Mapping[str, Any]
    ) -> None:
        self.store, self.devices = store, devices
        self.mixture, self.identities = mixture, identities

    def folder(self, name: str) -> Path:
        return self.store.expert(name)

    def remove(self, names: Iterable[str]) -> None:
        """Remove experts that are trained anew, for all processes."""
        if self.devices.writes:
            for name in names:
                shutil.rmtree(self.folder(name))
        self.devices.meet()

    def resume(self, learner: Learner) -> list[Point]:
        """Go on from the checkpoint, if there is one; returns the curve up to there."""
        identity = self.identities[learner.name]
        return checkpoints.resume(self.folder(learner.name), learner, identity)

    def write_curve(self, name: str, points: list[Point]) -> None:
        if self.devices.writes:
            checkpoints.write_curve(self.folder(name), points)

    def write_snapshots(self, learners: Iterable[Learner]) -> None:
        """The experts as they are now, in folders that are kept."""
        for learner in learners:
            if learner.step and self.devices.writes:
                folder = self.folder(learner.name) / f"step-{learner.step}"
                identity = self.identities[learner.name]
                checkpoints.write_lora(folder, learner, self.mixture, identity)

    def finish(self, learners: Iterable[Learner]) -> None:
        """Write the experts as they are now; those that are finished give their memory back."""
        for learner in learners:
            if self.devices.writes:
                identity = self.identities[learner.name]
                checkpoints.finish(self.folder(learner.name), learner, self.mixture, identity)
            if learner.finished:
                learner.release()

    def save(self, learners: Iterable[Learner]) -> None:
        """Write checkpoints of those that have begun and are not finished."""
        for learner in learners:
            if learner.step and not learner.finished and self.devices.writes:
                identity = self.identities[learner.name]
                checkpoints.save(self.folder(learner.name), learner, identity)

    def take_stop_files(self, learners: Iterable[Learner]) -> bool:
        """Whether somebody left one; it is taken away."""
        if not self.devices.writes:
            return False
        folders = [self.store.expert("any").parent]
        folders += [self.folder(learner.name) for learner in learners]
        found = False
        for folder in folders:
            if (folder / STOP).exists():
                (folder / STOP).unlink()
                found = True
        return found
