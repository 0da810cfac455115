"""Named results of functions that give several tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["TopK", "Unique", "UniqueWithCounts"]


class TopK(NamedTuple):
    """What `top_k` gives."""

    values: Any
    indices: Any


class Unique(NamedTuple):
    """What `unique` gives."""

    y: Any
    idx: Any


class UniqueWithCounts(NamedTuple):
    """What `unique_with_counts` gives."""

    y: Any
    idx: Any
    count: Any
