"""What every stage shares: records, events, options, plugins, the run folder. No torch."""
