"""Ownership: what an object owns is what its attributes hold, in lists, tuples, dicts and sets at any depth.

No container is wrapped: the attributes are walked when somebody asks. What was appended to a list or replaced in a dict
afterwards is therefore seen. All ask this one walk: weights, training, files, reports, summaries, freezing.

What is owned comes in the order in which it was attached, as in Keras's files and lists of weights: a layer that is
appended to a list comes after the layers in attributes that were set before. Each assignment of an attribute notes what
lists got since the last one; in between, what was made is taken to be attached when it was made.

Objects in containers are named as in Keras's files: by their class, counted within the container (``dense``,
``dense_1``), and containers inside others ``container``, ``container_1``. A set has no order of its own; its objects
come in the order in which they were made.

Who has gathered what a model owns keeps a `Watch`, which tells at a glance whether that may have changed. An owner
that changes tells those who watch it, and nobody else.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from operator import is_
from typing import Any, ClassVar
from weakref import WeakSet

import jax
import numpy as np

from .names import snake_case

__all__ = [
    "Watch",
    "Watched",
    "attributes",
    "changed",
    "in_order",
    "numbered",
    "owned",
    "owns_nothing",
    "places",
    "unique",
    "walk",
]

_LEAVES = (str, bytes, int, float, complex, type(None), np.ndarray, np.generic, jax.Array)
_CONTAINERS = (dict, list, tuple, set, frozenset, deque)
_ATTACHED = "_attached"
# Asking a class whether it is an array takes a microsecond.
_known_leaves: dict[type, bool] = dict.fromkeys([str, bytes, int, bool, float, complex, type(None), np.ndarray], True)

_numbers = itertools.count(1)


def numbered() -> int:
    """The next number of what is made: it orders what sets hold."""
    return next(_numbers)


def owns_nothing(value: Any) -> bool:
    """Whether `value` is a number, a text or an array."""
    kind = type(value)
    if kind not in _known_leaves:
        _known_leaves[kind] = isinstance(value, _LEAVES)
    return _known_leaves[kind]


def _contents(container: Any) -> Iterable[Any]:
    if isinstance(container, dict):
        return container.values()
    return sorted(container, key=_age) if isinstance(container, (set, frozenset)) else container


def _age(item: Any) -> int:
    """When `item`, or the first object in it, was made."""
    if isinstance(item, _CONTAINERS):
        return min(map(_age, item.values() if isinstance(item, dict) else item), default=0)
    return getattr(item, "_made_as_number", 0)


def places(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The objects that `value` is or holds, each with its place under `name`; containers in circles end there.

    >>> class Part:
    ...     pass
    >>> [place for place, _ in places("stages", [[Part(), Part()], {"last": Part()}, 3])]
    ['stages/container/part', 'stages/container/part_1', 'stages/container_1/part']
    """
    return _places(name, value, ())


def _places(name: str, value: Any, around: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, _CONTAINERS):
        if not owns_nothing(value):
            yield name, value
        return
    if id(value) in around:
        return
    counts: Counter[str] = Counter()
    for item in _contents(value):
        if owns_nothing(item):
            continue
        kind = "container" if isinstance(item, _CONTAINERS) else snake_case(type(item).__name__)
        place = f"{name}/{kind}_{counts[kind]}" if counts[kind] else f"{name}/{kind}"
        counts[kind] += 1
        yield from _places(place, item, (*around, id(value)))


def walk(value: Any, wanted: type | tuple[type, ...]) -> Iterator[Any]:
    """The objects of the `wanted` types that `value` is or holds, in their order."""
    return (found for _, found in _places("", value, ()) if isinstance(found, wanted))


def unique(items: Iterable[Any]) -> list[Any]:
    """The items in their order, each object once."""
    return list({id(item): item for item in items}.values())


def attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of `owner` in which it may own something, in the order in which they were first set."""
    skip = {_ATTACHED, *getattr(owner, "not_owned", ())}
    return ((name, value) for name, value in list(vars(owner).items()) if name not in skip and not owns_nothing(value))


def _numbered_in(value: Any, noted: int, moments: dict[int, int], around: tuple[int, ...] = ()) -> Iterator[Any]:
    """The objects in `value` that know when they were made; into `moments` goes when each one was attached.

    That is when it was made, if this is later than what was `noted` last, and else when the one before it was attached.
    """
    if not isinstance(value, _CONTAINERS):
        if not owns_nothing(value) and hasattr(value, "_made_as_number"):
            yield value
    elif id(value) not in around:
        least = noted
        for item in _contents(value):
            for found in _numbered_in(item, noted, moments, (*around, id(value))):
                if found is item:
                    least = _age(item) if _age(item) > noted else least
                moments.setdefault(id(found), least)
                yield found


def _note(owner: Any, name: str = "") -> tuple[Any, ...]:
    """Note what `owner` holds by now, in the order in which it was attached; the attribute `name` was set just now."""
    before: tuple[int, Any] = vars(owner).get(_ATTACHED, (0, ()))
    noted, order = before
    moments: dict[int, int] = {}
    others = (value for at, value in attributes(owner) if at != name)
    held = {id(item): item for value in others for item in _numbered_in(value, noted, moments)}
    set_now = [item for item in _numbered_in(vars(owner).get(name), 0, {}) if id(item) not in held]
    if name:  # what is deleted and set again at once keeps its place
        here = held.keys() | set(map(id, set_now))
        order = [item for item in order if id(item) in here]
    known = set(map(id, order))
    late = sorted(
        (item for key, item in held.items() if key not in known), key=lambda item: moments.get(id(item), noted)
    )
    order = (*order, *late, *unique(item for item in set_now if id(item) not in known))
    vars(owner)[_ATTACHED] = (numbered(), order)
    return order


def _as_attached(owner: Any, found: dict[int, Any]) -> list[Any]:
    """What was found in `owner`, in the order in which it was attached."""
    if len(found) < 2 or _ATTACHED not in vars(owner):
        return list(found.values())
    place = {id(item): i for i, item in enumerate(vars(owner)[_ATTACHED][1])}
    if not found.keys() <= place.keys():
        place = {id(item): i for i, item in enumerate(_note(owner))}
    return sorted(found.values(), key=lambda item: place.get(id(item), -1))


def owned(owner: Any, wanted: type | tuple[type, ...]) -> list[Any]:
    """The objects of the `wanted` types that `owner`'s attributes hold, each once, in the order in which they were attached."""
    skip = {_ATTACHED, *getattr(owner, "not_owned", ())}
    found: dict[int, Any] = {}
    for name, value in list(vars(owner).items()):
        if _known_leaves.get(type(value)) or name in skip:  # most attributes, and everybody asks
            continue
        if isinstance(value, _CONTAINERS):
            found |= {id(item): item for item in walk(value, wanted) if id(item) not in found}
        elif isinstance(value, wanted):
            found.setdefault(id(value), value)
    found.pop(id(owner), None)
    return _as_attached(owner, found)


def in_order(made: Iterable[Any], held: Iterable[Any]) -> list[Any]:
    """What an object `made` for itself, in this order, together with what its attributes hold, each where it came to be.

    >>> in_order(["kernel", "bias"], ["scale", "bias", "shift"])
    ['scale', 'kernel', 'bias', 'shift']
    """
    waiting = deque(made)
    found = []
    for item in held:
        if any(item is one for one in waiting):
            while item is not waiting[0]:
                found.append(waiting.popleft())
            waiting.popleft()
        found.append(item)
    return unique([*found, *waiting])


class _Watches(WeakSet):
    """Who watches an object; copies of the object are watched by nobody."""

    def __reduce__(self) -> Any:
        return _Watches, ()

    def __deepcopy__(self, memo: Any) -> _Watches:
        return _Watches()

    __copy__ = copy = lambda self: _Watches()  # type: ignore[assignment]


def changed(owner: Any) -> None:
    """Tell those who watch `owner` that it owns, or that of it trains, something else than before."""
    watches = owner.__dict__.get("_watches")
    if watches:
        for watch in list(watches):
            watch.same = False
        watches.clear()


def _is_ordered(value: Any) -> bool:
    """Whether it matters when `value` is attached: it is a layer, a variable and the like, or may hold or get some."""
    if isinstance(value, (tuple, frozenset)):
        return not all(map(owns_nothing, value))
    return isinstance(value, (Watched, *_CONTAINERS)) or hasattr(value, "born_trainable")


class Watched:
    """What tells those who watch it when its attributes change."""

    #: Attributes in which nothing is owned.
    not_owned: ClassVar[frozenset[str]] = frozenset()
    #: Attributes that change without changing what is owned.
    not_watched: ClassVar[frozenset[str]] = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        nothing = owns_nothing(value) and owns_nothing(before)
        if not nothing and before is not value and name not in self.not_watched:
            changed(self)
        ordered = not nothing and name not in self.not_owned and (_is_ordered(value) or _is_ordered(before))
        if ordered and before is not value:
            if any(isinstance(held, _CONTAINERS) for _, held in attributes(self)):  # which may have got something
                _note(self)
            super().__setattr__(name, value)
            _note(self, name)
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        changed(self)
        super().__delattr__(name)


class Watch:
    """Remembers what some objects own, and tells cheaply whether that may have changed.

    Args:
        owners: the objects, `Watched` ones and variables; what their attributes hold is what they own.

    >>> class Box(Watched):
    ...     pass
    >>> box = Box()
    >>> box.parts = [1]
    >>> watch = Watch([box])
    >>> watch(), box.parts.append(2), watch()
    (True, None, False)
    """

    def __init__(self, owners: Iterable[Any]):
        self.same = True
        self._containers = []
        for owner in owners:
            owner.__dict__.setdefault("_watches", _Watches()).add(self)
            # Owners tell of assignments, but not of changes inside lists, dicts and sets: those are compared.
            for _, value in attributes(owner) if isinstance(owner, Watched) else ():
                self._containers += [(held, _inside(held)) for held in _changeable(value)]

    def __call__(self) -> bool:
        """Whether everything is as it was."""
        if not self.same:
            return False
        for held, inside in self._containers:  # before every prediction: a plain loop is the fastest
            if len(held) != len(inside) or not all(
                map(is_, held.values() if type(held) is dict else _items(held), inside)
            ):
                return False
        return True


def _inside(container: Any) -> list[Any]:
    return list(_items(container))


def _items(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _changeable(value: Any, around: tuple[int, ...] = ()) -> Iterator[Any]:
    if isinstance(value, _CONTAINERS) and id(value) not in around:
        if not isinstance(value, (tuple, frozenset)):
            yield value
        for item in value.values() if isinstance(value, dict) else value:
            if not owns_nothing(item):
                yield from _changeable(item, (*around, id(value)))
