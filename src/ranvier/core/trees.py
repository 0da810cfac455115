"""Nested lists, tuples and dicts as trees, as `keras.tree` knows them.

Dicts are walked by their sorted keys (an `OrderedDict` in its own order) and keep their own order when rebuilt. None
is a leaf. The walks that layers and models use are in `ops.symbolic`; they take dicts in the same order, which is also
that of `jax.tree`: what one of them has taken apart, another may put together.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from .errors import ArgumentError, ArgumentTypeError

__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested",
    "lists_to_tuples", "map_shape_structure", "map_structure", "map_structure_up_to", "ordered_keys", "pack_sequence_as",
    "traverse",
]  # fmt: skip


class MAP_TO_NONE:  # noqa: N801  Keras's name for it
    """What a function given to `traverse` returns to put None in a place; None itself says: go on inside."""


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a list, tuple, dict or deque.

    >>> is_nested([]), is_nested({1, 2})
    (True, False)
    """
    return isinstance(structure, (list, tuple, dict, deque))


def ordered_keys(structure: dict[Any, Any]) -> list[Any]:
    """The keys of a dict in the order of its leaves: sorted, those of an `OrderedDict` as they are.

    >>> ordered_keys({"b": 1, "a": 2}), ordered_keys(OrderedDict(b=1, a=2))
    (['a', 'b'], ['b', 'a'])
    """
    if isinstance(structure, OrderedDict):
        return list(structure)
    try:
        return sorted(structure)
    except TypeError:  # keys of several kinds
        return sorted(structure, key=lambda k: (type(k).__qualname__, str(k)))


def _children(structure: Any) -> list[tuple[Any, Any]]:
    """Keys and children of a nested structure, in the order of its leaves."""
    if not isinstance(structure, dict):
        return list(enumerate(structure))
    return [(key, structure[key]) for key in ordered_keys(structure)]


def _with_children(structure: Any, children: dict[Any, Any]) -> Any:
    """The same kind of structure with other children, given by their keys."""
    if isinstance(structure, defaultdict):
        return defaultdict(structure.default_factory, {key: children[key] for key in structure})
    if isinstance(structure, dict):
        return type(structure)((key, children[key]) for key in structure)
    values = [children[i] for i in range(len(structure))]
    if isinstance(structure, deque):
        return deque(values, structure.maxlen)
    return type(structure)(*values) if hasattr(structure, "_fields") else type(structure)(values)


def flatten(structure: Any) -> list[Any]:
    """The leaves.

    >>> flatten({"b": [1, None], "a": (2,)})
    [2, 1, None]
    """
    if not is_nested(structure):
        return [structure]
    return [leaf for _, child in _children(structure) for leaf in flatten(child)]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of path and leaf; a path is the tuple of keys and indices that leads there.

    >>> flatten_with_path({"a": [5, 6]})
    [(('a', 0), 5), (('a', 1), 6)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, child in _children(structure) for path, leaf in flatten_with_path(child)]


def _check_same(first: Any, other: Any) -> None:
    """Refuse `other` unless its outermost level is that of `first`."""
    if type(first) is not type(other) and not (isinstance(first, dict) and isinstance(other, dict)):
        raise ArgumentError(f"The structures differ: expected a {type(first).__name__}. Received: {other!r}")
    if isinstance(first, dict) and set(first) != set(other):
        raise ArgumentError(f"The structures differ: expected the keys {list(first)}. Received: {list(other)}")
    if len(first) != len(other):
        raise ArgumentError(f"The structures differ: expected {len(first)} entries. Received: {other!r}")


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` of the leaves at the same places of all structures, in the structure of the first.

    Args:
        func: a function of as many leaves as there are structures.
        *structures: equal structures.
        none_is_leaf: whether `func` sees None; otherwise None stays None.

    Raises:
        ArgumentError: no structures, or different ones.

    >>> map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
    {'x': [11, 22]}
    """
    if not callable(func):
        raise ArgumentTypeError(f"func must be callable. Received: func={func!r}")
    if not structures:
        raise ArgumentError("map_structure needs at least one structure.")
    first, others = structures[0], structures[1:]
    if first is None and not none_is_leaf:
        if any(other is not None for other in others):
            raise ArgumentError(f"The structures differ: expected None. Received: {others!r}")
        return None
    if not is_nested(first):
        if any(is_nested(other) for other in others):
            raise ArgumentError(f"The structures differ: expected a leaf like {first!r}. Received: {others!r}")
        return func(*structures)
    for other in others:
        if not is_nested(other):
            raise ArgumentError(f"The structures differ: expected a {type(first).__name__}. Received: {other!r}")
        _check_same(first, other)
    mapped = {
        key: map_structure(func, child, *(other[key] for other in others), none_is_leaf=none_is_leaf)
        for key, child in _children(first)
    }
    return _with_children(first, mapped)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """`func` of what the structures hold at the leaves of `shallow_structure`, be it nested further or not.

    >>> map_structure_up_to([0, 0], len, [[1, 2], [3]])
    [2, 1]
    """
    if not is_nested(shallow_structure):
        return func(*structures)
    for structure in structures:
        if not is_nested(structure):
            raise ArgumentError(f"Expected a {type(shallow_structure).__name__}. Received: {structure!r}")
        _check_same(shallow_structure, structure)
    mapped = {
        key: map_structure_up_to(child, func, *(structure[key] for structure in structures))
        for key, child in _children(shallow_structure)
    }
    return _with_children(shallow_structure, mapped)


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """The values of `flat_sequence` in the structure of `structure`.

    >>> pack_sequence_as({"b": 0, "a": [0, 0]}, [1, 2, 3])
    {'b': 3, 'a': [1, 2]}
    """
    try:
        values = list(flat_sequence)
    except TypeError:
        raise ArgumentTypeError(f"flat_sequence must be a sequence. Received: {flat_sequence!r}") from None
    wanted = len(flatten(structure))
    if len(values) != wanted:
        raise ArgumentError(f"The structure has {wanted} leaves. Received: a flat_sequence of {len(values)} values")
    rest = iter(values)

    def fill(place: Any) -> Any:
        if not is_nested(place):
            return next(rest)
        return _with_children(place, {key: fill(child) for key, child in _children(place)})

    return fill(structure)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """`structure` with what `func` puts in the places of its parts.

    Args:
        func: of each part, nested or leaf. None: keep it (and, from the top, go on inside); `MAP_TO_NONE`: put None
            there; anything else takes the part's place.
        structure: nested lists, tuples and dicts.
        top_down: whether `func` sees a whole before its parts.

    >>> traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2, 3]], top_down=False)
    (1, (2, 3))
    """
    if not callable(func):
        raise ArgumentTypeError(f"func must be callable. Received: func={func!r}")
    if top_down and (found := func(structure)) is not None:
        return None if _is_none(found) else found
    if is_nested(structure):
        parts = {key: traverse(func, child, top_down) for key, child in _children(structure)}
        structure = _with_children(structure, parts)
    if not top_down and (found := func(structure)) is not None:
        return None if _is_none(found) else found
    return structure


def _is_none(found: Any) -> bool:
    return found is MAP_TO_NONE or isinstance(found, MAP_TO_NONE)


def lists_to_tuples(structure: Any) -> Any:
    """The same with tuples for all lists.

    >>> lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """`func` of each shape (a tuple or list of sizes and None) in a nested structure of shapes.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), (4, 5, 6)]})
    {'a': 2, 'b': [1, 3]}
    """
    is_shape = isinstance(structure, (tuple, list)) and all(isinstance(s, (int, type(None))) for s in structure)
    if structure is None or is_shape:
        return func(structure)
    if not is_nested(structure):
        raise ArgumentError(f"Expected a shape, or shapes in lists, tuples and dicts. Received: {structure!r}")
    return _with_children(structure, {key: map_shape_structure(func, child) for key, child in _children(structure)})


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Refuse two structures that differ in more than their leaves.

    Args:
        a: a nested structure.
        b: another one.
        check_types: without effect, as in Keras; types are always compared.

    Raises:
        ArgumentError: they differ.
    """
    map_structure(lambda *leaves: None, a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Refuse two structures whose leaves are found under different keys and indices; lists and tuples are alike.

    Raises:
        ArgumentError: with the paths that one of them lacks.
    """
    here, there = ({path for path, _ in flatten_with_path(s)} for s in (a, b))
    if here != there:
        raise ArgumentError(
            f"The structures have different paths. Only in a: {sorted(map(str, here - there))}; only in b: "
            f"{sorted(map(str, there - here))}"
        )
