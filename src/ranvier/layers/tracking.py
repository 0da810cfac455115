"""What a layer owns is what its attributes hold: variables, layers, seed generators and metrics.

Nothing is registered and no container is wrapped: the attributes, and the lists, tuples and dicts in them, are
walked when somebody asks. What was appended to a list or replaced in a dict afterwards is therefore seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..core.variables import Variable

__all__ = ["owned", "trainable_first", "unique", "walk"]

_LEAVES = (str, bytes, int, float, type(None))


def walk(value: Any, wanted: type | tuple[type, ...]) -> Iterator[Any]:
    """The objects of the `wanted` types in nested lists, tuples, sets and dicts, in their order."""
    if isinstance(value, wanted):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from walk(item, wanted)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            if not isinstance(item, _LEAVES):
                yield from walk(item, wanted)


def unique(items: Iterable[Any]) -> list[Any]:
    """The items in their order, each object once."""
    return list({id(item): item for item in items}.values())


def owned(owner: Any, wanted: type | tuple[type, ...], skip: frozenset[str] = frozenset()) -> list[Any]:
    """The objects of the `wanted` types that `owner`'s attributes hold, but for the attributes in `skip`."""
    return unique(
        found
        for name, value in vars(owner).items()
        if name not in skip and not isinstance(value, _LEAVES)
        for found in walk(value, wanted)
        if found is not owner
    )


def trainable_first(variables: Iterable[Variable]) -> list[Variable]:
    """Variables in the order of Keras's `weights`: those made trainable, then the others."""
    variables = list(variables)
    return [v for v in variables if v.born_trainable] + [v for v in variables if not v.born_trainable]
