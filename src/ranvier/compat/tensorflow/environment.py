"""What programs say around their computations: printing, devices, names, the logger, the version."""

from __future__ import annotations

import builtins
import contextlib
import logging
import re
import sys
import time
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from ...core import scopes
from ...core.variables import Variable
from .making import constant

__all__ = ["VERSION", "device", "get_logger", "name_scope", "print", "timestamp", "version"]

#: The TensorFlow whose behaviour the functions have; what version checks of programs see.
VERSION = "2.21.0"


def print(
    *inputs: Any,
    output_stream: Any = None,
    summarize: int = 3,
    sep: str = " ",
    end: str = "\n",
    name: str | None = None,
) -> None:
    """Print values; within a compiled function each time that it runs."""
    stream = output_stream
    if not hasattr(output_stream, "write"):
        stream = sys.stdout if "stdout" in str(output_stream) else sys.stderr

    def show(values: Any) -> None:
        shown = [jax.tree.map(lambda x: _Shown(x) if hasattr(x, "dtype") else x, v) for v in values]
        builtins.print(*shown, sep=sep, end=end, file=stream)

    values = [x.value if isinstance(x, Variable) else x for x in inputs]
    leaves, structure = jax.tree.flatten(values)
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]

        def later(*given: Any) -> None:
            known = dict(zip(places, given, strict=True))
            show(jax.tree.unflatten(structure, [known.get(i, leaf) for i, leaf in enumerate(leaves)]))

        jax.debug.callback(later, *(leaves[i] for i in places))
    else:
        show(values)


class _Shown:
    """A tensor that shows its numbers only."""

    def __init__(self, tensor: Any):
        self._array = np.asarray(tensor)

    def __repr__(self) -> str:
        return str(self._array)


def device(device_name: Any) -> Any:
    """A context in which arrays are made on a device such as ``"/CPU:0"``; where there is none, on the default one."""
    found = re.search(r"(CPU|GPU|TPU)(?::(\d+))?\s*$", str(getattr(device_name, "name", device_name)), re.IGNORECASE)
    if found is None:
        return contextlib.nullcontext()
    try:
        devices = jax.devices(found[1].lower())
        return jax.default_device(devices[int(found[2] or 0)])
    except (RuntimeError, IndexError):
        return contextlib.nullcontext()


def get_logger() -> logging.Logger:
    """The logger named ``tensorflow``."""
    return logging.getLogger("tensorflow")


def timestamp(name: str | None = None) -> Any:
    """Seconds since 1970, of which float32 keeps no fractions."""
    return constant(time.time())


def name_scope(name: str) -> Any:
    """A context with a name in front of those of variables."""
    return scopes.name_scope(str(name).strip("/").replace("/", "_") or "scope")


class version:  # noqa: N801  TensorFlow's name
    """The version whose behaviour the functions have."""

    VERSION = VERSION
    GIT_VERSION = "ranvier"
    COMPILER_VERSION = "XLA"
