"""``tf.data.experimental``: older names."""

from __future__ import annotations

from typing import Any

from .dataset import assert_cardinality

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "assert_cardinality", "cardinality"]

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


def cardinality(dataset: Any) -> Any:
    """How many elements a pass has; -1: without end, -2: unknown."""
    return dataset.cardinality()
