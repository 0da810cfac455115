"""Floor 7: looking at networks and their training."""
