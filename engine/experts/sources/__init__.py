"""Where batches come from: one source for each need that an objective may have.

To add one, add a file or a folder, named as the need, with

    Config                              its options, which its objectives' Config inherits
    THINGS                              what a row of a batch is, in the plural, for people
    HASHES                              names of hashes in what `fingerprint` gives
    check(options)                      raises EngineError for options that make no sense
    prepare(options, store, skills, replace) -> events
                                        makes what the run folder lacks, in one process
    fingerprint(store, skills) -> dict  what tells this data from other data, for an expert's record
    load(store, skills, painter, devices) -> events, then a `Collection`

The app reads `Config` and `check`, so PyTorch is imported inside functions.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from engine.core import plugins
from engine.core.plugins import PluginChoice

if TYPE_CHECKING:
    from engine.experts import Config
    from engine.experts.sources.pictures.streams import Stream


class Collection(Protocol):
    """A run's data on the device: each expert gets its own part, in its own order."""

    def stream(self, name: str, config: "Config") -> "Stream":
        """The batches of one expert, a function of its name, its options and the seed alone."""


def source_of(objective: PluginChoice) -> ModuleType:
    """The source of the batches that an objective needs."""
    return plugins.load(sys.modules[__name__], objective.module.NEEDS)
