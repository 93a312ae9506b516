"""The prompt writer of Storybook; `engine.prompts.writers` finds it here."""
