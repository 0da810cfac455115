"""What a traced array was made from, for operations that compute better from there.

Layers are written one after the other: a bias, a ReLU, a pooling. Together they need one pass over memory, apart one or
two each. So an operation may note what its result was made from, and a later one may look and start there; what lies
between is then computed by nobody (XLA leaves out what nothing reads). Without a note everything works as ever.
"""

from __future__ import annotations

import weakref
from typing import Any

from jax.core import Tracer

__all__ = ["note", "origin_of"]

_origins: dict[int, tuple[Any, str, tuple[Any, ...]]] = {}


def note(made: Any, how: str, *operands: Any) -> Any:
    """Note that `made` is the result of operation `how` on `operands`; returns `made`. Only tracers are noted."""
    if isinstance(made, Tracer) and all(made is not a for a in operands):
        key = id(made)
        _origins[key] = (weakref.ref(made, lambda _: _origins.pop(key, None)), how, operands)
    return made


def origin_of(made: Any, how: str) -> tuple[Any, ...] | None:
    """The operands that `made` was made from by `how`, or None."""
    entry = _origins.get(id(made))
    return entry[2] if entry is not None and entry[0]() is made and entry[1] == how else None
