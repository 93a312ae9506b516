"""A tab is a file with `TITLE` and `build()`; this is their order, the pipeline's."""

TABS = ["prompts", "images", "experts", "merge", "evaluate", "vote"]
