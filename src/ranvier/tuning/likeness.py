"""Where two models differ: walks the objects of both side by side.

Numbers in which they differ can be inputs of one program. Any other difference (a function, a text, a flag, a tuple) is
`Unlike`: each needs a program of its own. Variables may hold what they like, since their values are inputs anyway.
"""

from __future__ import annotations

import enum
import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from ..core.dtypes import DTypePolicy
from ..core.ownership import Watch
from ..core.random import SeedGenerator
from ..core.variables import Variable
from ..layers.base import Layer
from ..ops.symbolic import KerasTensor
from ..training.callbacks import Callback
from ..training.program import Programs

__all__ = ["Slot", "Unlike", "differences"]


class Unlike(Exception):  # noqa: N818  not an error: the answer to a question
    """Two models need two programs; the text says why."""


class Slot(NamedTuple):
    """A place that holds a number."""

    path: str
    holder: Any
    key: Any

    def identity(self) -> tuple[int, Any]:
        """What makes two slots the same place."""
        return id(self.holder), self.key

    def get(self) -> Any:
        """The number there."""
        if isinstance(self.holder, types.CellType):
            return self.holder.cell_contents
        return self._contents()[self.key]

    def put(self, value: Any) -> None:
        """Put `value` there, around any `__setattr__`."""
        if isinstance(self.holder, types.CellType):
            self.holder.cell_contents = value
        else:
            self._contents()[self.key] = value

    def _contents(self) -> Any:
        return self.holder if isinstance(self.holder, (dict, list)) else vars(self.holder)


# What no program reads.
_BOOKKEEPING = frozenset({
    "_programs", "_known_roles", "history", "_given", "_given_to_compile", "_inbound_nodes", "_name", "_path",
    "_trainable_variables", "_index", "_build_shapes", "_classes", "_watches", "_made_as_number", "_thawed", "_free_at_compile",
    "_attached",
})  # fmt: skip
_OPAQUE = (
    Programs, SeedGenerator, Callback, Watch, np.random.Generator, np.random.RandomState, weakref.ref, Iterator,
)  # fmt: skip
_PLAIN = (str, bytes, bool, type(None), enum.Enum, np.dtype, complex, range, slice)
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type, types.ModuleType)

Child = tuple[str, Any, Any, Any]  # a path, the object there in the first model and in the second, its slot or None


def differences(first: Any, second: Any) -> list[tuple[Slot, Any]]:
    """The places in `first` where `second` has another number, each with that number.

    Raises:
        Unlike: they differ in something else.

    >>> from ranvier import layers
    >>> [(slot.path, other) for slot, other in differences(layers.Dropout(0.1), layers.Dropout(0.2))]
    [('dropout.rate', 0.2)]
    """
    found: list[tuple[Slot, Any]] = []
    known: dict[int, Any] = {}
    keep = []  # ids stay true while the objects live
    pending: list[Child] = [("model", first, second, None)]
    while pending:
        path, a, b, slot = pending.pop()
        if a is b and not isinstance(a, Variable):
            continue
        if _number(a) and _number(b):
            if a != b and not (a != a and b != b):
                if slot is None:
                    raise Unlike(f"{path}: {a!r} and {b!r}")
                found.append((slot, b))
            continue
        if type(a) is not type(b):
            raise Unlike(f"{path}: {_shown(a)} and {_shown(b)}")
        if isinstance(a, _PLAIN):
            if a != b:
                raise Unlike(f"{path}: {a!r} and {b!r}")
            continue
        if id(a) in known:
            if known[id(a)] is not b:
                raise Unlike(f"{path}: shared in one and not in the other")
            continue
        known[id(a)] = b
        keep.append((a, b))
        pending += _children(path, a, b)
    return found


def _number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if isinstance(value, (*_PLAIN, int, float)):
        return repr(value)
    return getattr(value, "__name__", None) or f"a {type(value).__name__}"


def _children(path: str, a: Any, b: Any) -> list[Child]:
    """What two objects of one type consist of, pair by pair."""
    if isinstance(a, Variable):
        _same(path, "shape", a.shape, b.shape)
        _same(path, "dtype", a.dtype, b.dtype)
        _same(path, "trainable", a.trainable, b.trainable)
        return [(f"{path}.{n}", getattr(a, n), getattr(b, n), None) for n in ("regularizer", "constraint")]
    if isinstance(a, _OPAQUE):
        return []
    if isinstance(a, KerasTensor):
        _same(path, "shape", a.shape, b.shape)
        _same(path, "dtype", a.dtype, b.dtype)
        return []
    if isinstance(a, DTypePolicy):
        _same(path, "policy", a.name, b.name)
        return []
    if isinstance(a, (np.ndarray, jax.Array)):
        if a.shape != b.shape or a.dtype != b.dtype or not np.array_equal(np.asarray(a), np.asarray(b)):
            raise Unlike(f"{path}: different arrays")
        return []
    if isinstance(a, dict):
        return _entries(path, a, b)
    if isinstance(a, (list, tuple)):
        _same(path, "length", len(a), len(b))
        slots = [Slot(f"{path}[{i}]", a, i) if isinstance(a, list) else None for i in range(len(a))]
        return [(f"{path}[{i}]", x, y, slots[i]) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    if isinstance(a, (set, frozenset)):
        _same(path, "length", len(a), len(b))
        if all(isinstance(item, str) for item in a):
            _same(path, "contents", a, b)
        return []
    if isinstance(a, functools.partial):
        return [(f"{path}.{n}", getattr(a, n), getattr(b, n), None) for n in ("func", "args", "keywords")]
    if isinstance(a, types.MethodType):
        return [(path, a.__self__, b.__self__, None), (path, a.__func__, b.__func__, None)]
    if isinstance(a, types.FunctionType):
        return _captured(path, a, b)
    if isinstance(a, _FUNCTIONS):
        raise Unlike(f"{path}: {_shown(a)} and {_shown(b)}")
    return _attributes(path, a, b)


def _same(path: str, what: str, a: Any, b: Any) -> None:
    if a != b:
        raise Unlike(f"{path}: {what} {a!r} and {b!r}")


def _entries(path: str, a: dict[Any, Any], b: dict[Any, Any]) -> list[Child]:
    _same(path, "length", len(a), len(b))
    if all(isinstance(key, str) for key in a):
        _same(path, "keys", set(a), set(b))
        return [(f"{path}[{k!r}]", a[k], b[k], Slot(f"{path}[{k!r}]", a, k)) for k in a]
    # Other keys may be objects, or their ids: those stand in the order in which they were made.
    pairs = zip(a.items(), b.items(), strict=True)
    return [(f"{path}[{i}]", x, y, Slot(f"{path}[{i}]", a, k)) for i, ((k, x), (_, y)) in enumerate(pairs)]


def _captured(path: str, a: Callable[..., Any], b: Callable[..., Any]) -> list[Child]:
    """What two functions have from where they were made: if they are the same code."""
    name = getattr(a, "__qualname__", path)
    if a.__code__ is not b.__code__:  # type: ignore[attr-defined]
        raise Unlike(f"{path}: {_shown(a)} and {_shown(b)}")
    children: list[Child] = []
    for variable, x, y in zip(a.__code__.co_freevars, a.__closure__ or (), b.__closure__ or (), strict=True):  # type: ignore[attr-defined]
        contents = [_contents(x), _contents(y)]
        children.append((f"{name}.{variable}", *contents, Slot(f"{name}.{variable}", x, None)))  # type: ignore[arg-type]
    for attribute in ("__defaults__", "__kwdefaults__", "__dict__"):
        children.append((f"{name}.{attribute}", getattr(a, attribute), getattr(b, attribute), None))
    return children


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _attributes(path: str, a: Any, b: Any) -> list[Child]:
    path = a.name if isinstance(a, Layer) else path
    children: list[Child] = []
    for name in dict.fromkeys(n for kind in type(a).__mro__ for n in _slots(kind)):
        children.append((f"{path}.{name}", getattr(a, name, None), getattr(b, name, None), None))
    own, other = getattr(a, "__dict__", {}), getattr(b, "__dict__", {})
    for name in dict.fromkeys([*own, *other]):
        if name not in _BOOKKEEPING:
            place = name if path == "model" else f"{path}.{name}"
            children.append((place, own.get(name), other.get(name), Slot(place, a, name)))
    return children


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    slots = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(s for s in slots if s not in ("__weakref__", "__dict__") and not s.startswith("__"))
