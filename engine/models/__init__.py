"""What several stages share and what is heavy: painters, language models, the mixture."""
