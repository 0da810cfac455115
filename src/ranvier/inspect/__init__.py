"""Floor 6: looking at networks and their training."""
