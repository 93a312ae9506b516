"""A Config as components, one of a family of plugins, and what a run's stages were started with."""
