"""``tf.strings``: text in NumPy arrays of objects, by Python's own functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .dtypes import dtype_name
from .tensors import array_of

__all__ = [
    "as_string", "format", "join", "length", "lower", "reduce_join", "regex_full_match", "regex_replace", "split",
    "strip", "substr", "to_number", "upper",
]  # fmt: skip


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _each(function: Callable[[str], Any], values: Any, otype: Any = object) -> Any:
    array = np.asarray(values, object)
    if array.ndim == 0:
        return function(_text(array[()]))
    out = np.empty(array.shape, otype)
    for place in np.ndindex(array.shape):
        out[place] = function(_text(array[place]))
    return out


def lower(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """In small letters."""
    return _each(str.lower, input)


def upper(input: Any, encoding: str = "", name: str | None = None) -> Any:
    """In capital letters."""
    return _each(str.upper, input)


def strip(input: Any, name: str | None = None) -> Any:
    """Without white space around it."""
    return _each(str.strip, input)


def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Any:
    """The number of bytes, or of characters with ``unit="UTF8_CHAR"``."""
    return array_of(_each(lambda s: len(s) if unit == "UTF8_CHAR" else len(s.encode()), input, np.int32))


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True, name: str | None = None) -> Any:
    """With what matches replaced."""
    return _each(lambda s: re.sub(_text(pattern), _text(rewrite), s, count=0 if replace_global else 1), input)


def regex_full_match(input: Any, pattern: str, name: str | None = None) -> Any:
    """Whether the whole text matches."""
    return array_of(_each(lambda s: re.fullmatch(_text(pattern), s) is not None, input, bool))


def substr(input: Any, pos: int, len: int, unit: str = "BYTE", name: str | None = None) -> Any:
    """`len` characters from `pos` on."""
    return _each(lambda s: s[pos:][:len], input)


def split(input: Any, sep: str | None = None, maxsplit: int = -1, name: str | None = None) -> Any:
    """The words of a text; of several texts a list of lists."""
    array = np.asarray(input, object)
    if array.ndim == 0:
        return np.asarray(_text(array[()]).split(sep, maxsplit), object)
    return [np.asarray(_text(s).split(sep, maxsplit), object) for s in array]


def join(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Any:
    """Texts one after the other, elementwise."""
    arrays = np.broadcast_arrays(*(np.asarray(x, object) for x in inputs))
    if arrays[0].ndim == 0:
        return separator.join(_text(a[()]) for a in arrays)
    out = np.empty(arrays[0].shape, object)
    for place in np.ndindex(out.shape):
        out[place] = separator.join(_text(a[place]) for a in arrays)
    return out


def reduce_join(
    inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: str | None = None
) -> Any:
    """All texts as one."""
    return separator.join(_text(s) for s in np.asarray(inputs, object).ravel())


def as_string(input: Any, precision: int = -1, *args: Any, **kwargs: Any) -> Any:
    """Numbers as text."""
    array = np.asarray(array_of(input))

    def text(value: Any) -> str:
        if array.dtype.kind == "b":
            return str(bool(value)).lower()
        if array.dtype.kind == "f":
            return f"{value:.{6 if precision < 0 else precision}f}"
        return str(value)

    if array.ndim == 0:
        return text(array[()])
    out = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        out[place] = text(array[place])
    return out


def to_number(input: Any, out_type: Any = "float32", name: str | None = None) -> Any:
    """Text as numbers."""
    name_ = dtype_name(out_type)
    return array_of(
        _each(int if "int" in str(name_) else float, input, np.float64 if "float" in str(name_) else np.int64), name_
    )


def format(template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3, name: str | None = None) -> str:
    """The template with tensors in it."""
    parts = template.split(placeholder)
    given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    shown = [str(np.asarray(x)) for x in given]
    return "".join(p + (shown[i] if i < len(shown) else "") for i, p in enumerate(parts))


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("strings", name, __all__))
