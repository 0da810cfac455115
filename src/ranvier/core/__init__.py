"""Floor 0: errors, settings, dtypes, variables, the pure bridge, configuration and randomness."""
