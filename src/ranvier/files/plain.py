"""Plain data as JSON and arrays: numbers, texts, containers, NumPy and jax arrays, NumPy's random generators.

Nothing else can be written, so nothing else can come back: reading makes no object of a class that a file names.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentTypeError, SerializationError

__all__ = ["NotPlainError", "pack", "unpack"]

_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_KINDS = "biufcSUmM"  # of NumPy's own dtypes that are nothing but numbers, bytes and texts


class NotPlainError(ArgumentTypeError):
    """A value that is not plain data."""


def pack(value: Any, arrays: list[np.ndarray]) -> Any:
    """`value` in terms of JSON; its arrays go to the end of `arrays` and are referred to by number.

    Raises:
        NotPlainError: something that is not plain data.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        arrays.append(_array(value))
        return {"$scalar" if isinstance(value, np.generic) else "$array": len(arrays) - 1}
    if type(value) is list:
        return [pack(item, arrays) for item in value]
    if type(value) in (tuple, set, frozenset):
        return {f"${type(value).__name__}": [pack(item, arrays) for item in value]}
    if type(value) is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: pack(item, arrays) for key, item in value.items()}
        return {"$dict": [[pack(key, arrays), pack(item, arrays)] for key, item in value.items()]}
    if isinstance(value, np.random.Generator) and type(value.bit_generator).__name__ in _BIT_GENERATORS:
        return {"$generator": pack(dict(value.bit_generator.state), arrays)}
    raise NotPlainError(
        "Only numbers, texts, arrays, NumPy generators, and lists, tuples, sets and dicts of them can be written. "
        f"Received: {type(value).__name__}"
    )


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.isbuiltin == 2:  # bfloat16 and the like, which NumPy knows from elsewhere
        return array
    if array.dtype.kind not in _KINDS:
        raise NotPlainError(f"Arrays of dtype {array.dtype} cannot be written.")
    return array


def unpack(document: Any, arrays: list[np.ndarray]) -> Any:
    """The value that `pack` described.

    Raises:
        SerializationError: a document that `pack` does not write.
    """
    if isinstance(document, list):
        return [unpack(item, arrays) for item in document]
    if not isinstance(document, dict):
        return document
    if len(document) != 1 or not next(iter(document)).startswith("$"):
        return {key: unpack(item, arrays) for key, item in document.items()}
    kind, content = next(iter(document.items()))
    if kind == "$float" and content in ("nan", "inf", "-inf"):
        return float(content)
    if kind in ("$array", "$scalar"):
        return arrays[content] if kind == "$array" else arrays[content][()]
    if kind in ("$tuple", "$set", "$frozenset"):
        return {"$tuple": tuple, "$set": set, "$frozenset": frozenset}[kind](unpack(item, arrays) for item in content)
    if kind == "$dict":
        return {unpack(key, arrays): unpack(item, arrays) for key, item in content}
    if kind == "$generator":
        state = unpack(content, arrays)
        if state["bit_generator"] in _BIT_GENERATORS:
            generator = np.random.Generator(getattr(np.random, state["bit_generator"])())
            generator.bit_generator.state = state
            return generator
    raise SerializationError(f"The file has data of an unknown kind: {kind[:40]!r}")
