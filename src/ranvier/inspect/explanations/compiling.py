"""Compiled functions of layers, kept as long as the layers stay as they are.

Explaining the same model for one sample after another, as the page does while a digit is drawn, compiles nothing anew.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np

from ...core.settings import use_compilation_cache
from ...layers.base import Layer

__all__ = ["Traced", "compiled", "signature"]

_MOST = 64  # functions kept for one layer
_kept: weakref.WeakKeyDictionary[Any, dict[Hashable, tuple[_Likeness, Traced]]] = weakref.WeakKeyDictionary()


class Traced:
    """A compiled function that leaves notes while it is traced.

    Args:
        function: ``(notes, *arrays) → arrays``; the arrays are nested as `jax.tree` likes them.

    Attributes:
        notes: what the trace left that is no array.
    """

    def __init__(self, function: Callable[..., Any]):
        self.notes: dict[str, Any] = {}
        self._function: Callable[..., Any] | None = function
        self._program: Any = None

    def __call__(self, *arrays: Any) -> Any:
        if self._program is None:
            function, notes = self._function, self.notes
            assert function is not None
            self._program = _quickly(jax.jit(lambda *a: function(notes, *a)).lower(*arrays))
            self._function = None  # it holds the model, which could then never be freed
        return self._program(*arrays)


# One sample takes little time to compute, and compiling takes long: so no optimisation, and no code for fused loops
# (which takes most of the rest). The second option is XLA's own affair and may go one day.
_QUICK: tuple[Any, ...] = (
    {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False},
    {"xla_backend_optimization_level": 0},
)


def _quickly(lowered: Any) -> Any:
    use_compilation_cache()
    for options in _QUICK[:-1]:
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # "No such compile option"
            return lowered.compile(options)
    return lowered.compile(_QUICK[-1])


def compiled(owner: Any, key: Hashable, function: Callable[..., Any]) -> Traced:
    """The compiled form of `function`, or of an earlier one for the same key if `owner` is as it was then.

    Args:
        owner: the layer whose attributes `function` reads.
        key: all else that `function` depends on, the shapes of its arguments among it.
        function: as in `Traced`.
    """
    store = _kept.setdefault(owner, {})
    known = store.get(key)
    if known is not None and known[0].holds():
        return known[1]
    while len(store) >= _MOST:
        del store[next(iter(store))]
    made = Traced(function)
    store[key] = _Likeness(owner), made
    return made


def signature(arrays: Any) -> Hashable:
    """The nesting, shapes and dtypes of arrays."""
    leaves, structure = jax.tree.flatten(arrays)
    return structure, tuple((np.shape(a), str(a.dtype)) for a in leaves)


class _Likeness:
    """What a layer and the layers inside were, to tell whether they still are.

    What is compared is held, so that nothing new can come to lie where something old was.
    """

    def __init__(self, owner: Any):
        self.owner = weakref.ref(owner)
        self.seen = _look(owner)

    def holds(self) -> bool:
        """Whether everything is as it was."""
        owner = self.owner()
        return owner is not None and _same(self.seen, _look(owner))


def _look(owner: Any) -> list[Any]:
    layers = owner._flatten_layers() if isinstance(owner, Layer) else [owner]
    return [
        [weakref.ref(layer), *(
            (name, _copied(value)) for name, value in vars(layer).items() if name not in getattr(layer, "not_owned", ())
        )]
        for layer in layers
    ]  # fmt: skip


def _copied(value: Any) -> Any:
    """Containers as lists, since they can change inside."""
    if isinstance(value, dict):
        return [item for pair in value.items() for item in (pair[0], _copied(pair[1]))]
    return [_copied(item) for item in value] if isinstance(value, (list, tuple, set, frozenset)) else value


def _same(old: Any, new: Any) -> bool:
    if old is new:
        return True
    if isinstance(old, (list, tuple)):
        return type(old) is type(new) and len(old) == len(new) and all(map(_same, old, new))
    return isinstance(old, (str, bytes, int, float, type(None))) and type(old) is type(new) and old == new
