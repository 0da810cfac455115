"""`keras.tree`: nested lists, tuples and dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .ops.symbolic import flatten, rebuild

__all__ = ["flatten", "is_nested", "map_structure", "pack_sequence_as"]


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a list, tuple or dict."""
    return isinstance(structure, (list, tuple, dict))


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` of the leaves at the same places of all structures, in the structure of the first."""
    others = [iter(flatten(s)) for s in structures[1:]]
    return rebuild(structures[0], lambda leaf: func(leaf, *(next(o) for o in others)))


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The leaves of `flat_sequence` in the structure of `structure`."""
    leaves = iter(flat_sequence)
    return rebuild(structure, lambda _: next(leaves))
