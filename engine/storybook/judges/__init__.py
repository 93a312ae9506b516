"""The judge that reads Storybook pictures; `engine.judges` finds it here."""
