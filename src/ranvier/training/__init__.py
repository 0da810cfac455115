"""Floor 5: what `compile`, `fit`, `evaluate` and `predict` are made of."""
