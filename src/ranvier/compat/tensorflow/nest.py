"""``tf.nest``: structures of tensors. Dicts are walked in the order of their sorted keys, as TensorFlow does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.errors import ArgumentError

__all__ = ["assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as"]


def is_nested(structure: Any) -> bool:
    """Whether it is a list, a tuple or a dict."""
    return isinstance(structure, (list, tuple, dict))


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves, in order.

    >>> flatten({"b": 1, "a": [2, (3,)]})
    [2, 3, 1]
    """
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """A structure like `structure`, of these leaves.

    Raises:
        ArgumentError: another number of leaves.
    """
    leaves = list(flat_sequence)
    if len(leaves) != len(flatten(structure)):
        raise ArgumentError(f"The structure has {len(flatten(structure))} leaves. Received: {len(leaves)}")
    iterator = iter(leaves)
    return _packed(structure, lambda: next(iterator))


def _packed(structure: Any, following: Callable[[], Any]) -> Any:
    if isinstance(structure, dict):
        found = {key: _packed(structure[key], following) for key in sorted(structure)}
        return type(structure)((key, found[key]) for key in structure)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_packed(item, following) for item in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)([_packed(item, following) for item in structure])
    return following()


def map_structure(func: Callable[..., Any], *structure: Any, **kwargs: Any) -> Any:
    """`func` of the leaves of one structure or of several alike."""
    for other in structure[1:]:
        assert_same_structure(structure[0], other)
    results = (func(*leaves) for leaves in zip(*map(flatten, structure), strict=True))
    return _packed(structure[0], lambda: next(results))


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """Raise if the structures differ.

    Raises:
        ArgumentError: they differ.
    """
    same = is_nested(nest1) == is_nested(nest2)
    if same and isinstance(nest1, dict):
        same = isinstance(nest2, dict) and set(nest1) == set(nest2)
        pairs = [(nest1[k], nest2[k]) for k in nest1] if same else []
    elif same and is_nested(nest1):
        same = len(nest1) == len(nest2) and (type(nest1) is type(nest2) or not check_types)
        pairs = list(zip(nest1, nest2, strict=False)) if same else []
    else:
        pairs = []
    if not same:
        raise ArgumentError(f"The structures differ: {nest1!r} and {nest2!r}")
    for one, other in pairs:
        assert_same_structure(one, other, check_types)


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("nest", name, __all__))
