"""How Storybook's own models were made: `python -m engine.storybook train vae|base|writer`."""
