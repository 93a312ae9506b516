"""A Config as components, one of a family of plugins, and what was asked last."""
