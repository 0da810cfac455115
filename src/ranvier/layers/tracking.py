"""What a layer owns is what its attributes hold: variables, layers, seed generators and metrics.

Nothing is registered and no container is wrapped: the attributes, and the lists, tuples and dicts in them, are
walked when somebody asks. What was appended to a list or replaced in a dict afterwards is therefore seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..core import structure
from ..core.variables import Variable

__all__ = ["LEAVES", "Unchanged", "owned", "trainable_first", "unique", "walk"]

#: Types of attributes that own nothing.
LEAVES = (str, bytes, int, float, type(None))


def walk(value: Any, wanted: type | tuple[type, ...]) -> Iterator[Any]:
    """The objects of the `wanted` types in nested lists, tuples, sets and dicts, in their order."""
    if isinstance(value, wanted):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from walk(item, wanted)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            if not isinstance(item, LEAVES):
                yield from walk(item, wanted)


def unique(items: Iterable[Any]) -> list[Any]:
    """The items in their order, each object once."""
    return list({id(item): item for item in items}.values())


def owned(owner: Any, wanted: type | tuple[type, ...], skip: frozenset[str] = frozenset()) -> list[Any]:
    """The objects of the `wanted` types that `owner`'s attributes hold, but for the attributes in `skip`."""
    return unique(
        found
        for name, value in vars(owner).items()
        if name not in skip and not isinstance(value, LEAVES)
        for found in walk(value, wanted)
        if found is not owner
    )


def trainable_first(variables: Iterable[Variable]) -> list[Variable]:
    """Variables in the order of Keras's `weights`: those made trainable, then the others."""
    variables = list(variables)
    return [v for v in variables if v.born_trainable] + [v for v in variables if not v.born_trainable]


class Unchanged:
    """Remembers what some objects own, and tells cheaply whether that may have changed.

    Args:
        owners: the objects; what their attributes hold is what they own.

    >>> class Box:
    ...     pass
    >>> box = Box()
    >>> box.parts = [1]
    >>> same = Unchanged([box])
    >>> same(), box.parts.append(2), same()
    (True, None, False)
    """

    def __init__(self, owners: Iterable[Any]):
        self._version = structure.version()
        # Assignments move the version on, changes inside lists, dicts and sets do not: those are compared.
        self._containers = [
            (held, _inside(held))
            for owner in owners
            for name, value in vars(owner).items()
            if name not in getattr(owner, "not_owned", ())
            for held in _containers(value)
        ]

    def __call__(self) -> bool:
        """Whether everything is as it was."""
        return self._version == structure.version() and all(_inside(c) == ids for c, ids in self._containers)


def _inside(container: Any) -> list[int]:
    return list(map(id, container.values() if isinstance(container, dict) else container))


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        if not isinstance(value, (tuple, frozenset)):
            yield value
        for item in value.values() if isinstance(value, dict) else value:
            if not isinstance(item, LEAVES):
                yield from _containers(item)
