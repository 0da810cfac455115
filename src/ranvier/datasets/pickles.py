"""Reading pickles as data: arrays, dicts, lists, tuples, text, bytes and numbers; nothing in them is ever called.

Old data sets (the CIFAR batches, arrays of lists in ``.npz`` files) were written by Python's pickle, whose files may
ask for any function to be called. Here the few names that NumPy's arrays are made of stand for inert records of ours,
which are checked and turned into arrays afterwards; every other name is refused.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import DataError

__all__ = ["read_pickle"]

_PLAIN = frozenset({int, float, complex, bool, str, bytes, bytearray, type(None)})
_DTYPE = re.compile(r"[<>=|]?(\?|[biuf][1-8]|b1|[SU]\d{1,6}|O8?)")


def read_pickle(content: bytes, name: str) -> Any:
    """The value that a pickle describes. Text that Python 2 wrote comes as bytes.

    Args:
        content: the pickle.
        name: what messages call it.

    Raises:
        DataError: a pickle that is damaged, or that holds anything but arrays and plain values.
    """
    try:
        return _Plain().of(_Reader(io.BytesIO(content), encoding="bytes").load())
    except DataError as error:
        raise DataError(f"{name} is refused: {error}") from None
    except RecursionError:
        raise DataError(f"{name} is refused: it is nested too deeply, or holds itself.") from None
    except Exception as error:  # the parser raises nearly anything on damaged bytes
        raise DataError(f"{name} is damaged, or no pickle of plain data: {error}") from error


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if known := _KNOWN.get((module, name)):
            return known
        raise DataError(f"it asks for {module}.{name}; only arrays and plain values are read.")

    def persistent_load(self, pid: Any, /) -> Any:
        raise DataError("it refers to something outside itself.")


class _Function:
    """What a pickle may call: it only makes records. It has no attributes that a pickle could set."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]):
        object.__setattr__(self, "_make", make)

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)

    def __setstate__(self, state: Any) -> None:
        raise DataError("it changes what it should only use.")


class _DType:
    """A record of ``numpy.dtype``."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *flags: Any):
        self.code, self.order = _text(code), "="

    def __setstate__(self, state: Any) -> None:
        self.order = _text(state[1])

    def dtype(self) -> np.dtype:
        if not _DTYPE.fullmatch(self.code) or self.order not in ("<", ">", "=", "|"):
            raise DataError(f"it holds an array of the dtype {self.code[:40]!r}.")
        found = np.dtype(self.code)
        return found.newbyteorder(self.order) if self.order in "<>" else found


class _Array:
    """A record of ``numpy.ndarray``: empty at first, then its shape, dtype and content."""

    __slots__ = ("state",)

    def __init__(self, *args: Any):
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self, plain: _Plain) -> np.ndarray:
        _, shape, dtype, fortran, content = self.state
        if not isinstance(dtype, _DType) or not all(type(n) is int and n >= 0 for n in shape):
            raise DataError("it holds an array without shape or dtype.")
        kind, size = dtype.dtype(), math.prod(shape)
        if kind.hasobject:
            if type(content) is not list or len(content) != size:
                raise DataError(f"it holds an array of shape {shape} without that many entries.")
            flat = np.empty(size, object)
            for i, item in enumerate(content):
                flat[i] = plain.of(item)
        else:
            if type(content) is not bytes or len(content) != size * kind.itemsize:
                raise DataError(f"it holds an array of shape {shape} and dtype {kind} without that many bytes.")
            flat = np.frombuffer(content, kind).copy()
        return flat.reshape(shape, order="F" if fortran else "C")


class _Scalar:
    """A record of a NumPy scalar."""

    __slots__ = ("content", "dtype")

    def __init__(self, dtype: Any, content: Any = b""):
        self.dtype, self.content = dtype, content

    def value(self) -> Any:
        if not isinstance(self.dtype, _DType) or type(self.content) is not bytes:
            raise DataError("it holds a number without a dtype.")
        kind = self.dtype.dtype()
        if kind.hasobject or len(self.content) != kind.itemsize:
            raise DataError("it holds a number without its bytes.")
        return np.frombuffer(self.content, kind)[0]


class _Plain:
    """Turns records into arrays, each container once, however often it is referred to."""

    def __init__(self):
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # so that no id is given to another object meanwhile

    def of(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if id(value) not in self._done:
            self._kept.append(value)
            self._done[id(value)] = self._convert(value, kind)
        return self._done[id(value)]

    def _convert(self, value: Any, kind: type) -> Any:
        if kind is dict:
            return {self.of(k): self.of(v) for k, v in value.items()}
        if kind in (list, tuple):
            if set(map(type, value)) <= _PLAIN:  # millions of words: looked through, not copied
                return value
            return kind(self.of(v) for v in value)
        if kind is _Array:
            return value.array(self)
        if kind is _Scalar:
            return value.value()
        raise DataError(f"it holds a {kind.__name__.lstrip('_')} where a value should be.")


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """How Python 3 writes bytes for Python 2: text in which each character is a byte."""
    if _text(encoding) not in ("latin1", "latin-1") or not isinstance(text, str):
        raise DataError("it encodes text in an unknown way.")
    return text.encode("latin-1")


def _empty_bytes(*args: Any) -> bytes:
    if args:
        raise DataError("it makes bytes from something else.")
    return b""


_make_array, _make_scalar = _Function(_Array), _Function(_Scalar)
_KNOWN: dict[tuple[str, str], _Function] = {
    ("numpy", "dtype"): _Function(_DType),
    ("numpy", "ndarray"): _Function(_Array),
    ("_codecs", "encode"): _Function(_encode),
    ("__builtin__", "bytes"): _Function(_empty_bytes),
    ("builtins", "bytes"): _Function(_empty_bytes),
}
for _package in ("numpy.core", "numpy._core"):
    _KNOWN[f"{_package}.multiarray", "_reconstruct"] = _make_array
    _KNOWN[f"{_package}.multiarray", "scalar"] = _make_scalar
