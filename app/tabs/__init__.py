"""A tab is a file with `TITLE` and `build()`; this is their order, the pipeline's."""

import sys

from engine.core import plugins

PIPELINE = ["prompts", "images", "experts", "merge", "evaluate", "vote"]
TABS = [name for name in PIPELINE if name in plugins.names(sys.modules[__name__])]
