"""What every stage shares: records, events, errors, plugins, the run folder. No torch, no gradio."""
