"""How the functions of the face are made: they take arrays, numbers, lists, variables and symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.errors import ArgumentError
from ...ops.symbolic import op
from .tensors import array_of

__all__ = ["InvalidArgumentError", "as_axis", "binary", "unary"]


class InvalidArgumentError(ArgumentError, IndexError):
    """An argument whose numbers do not fit, such as an index that is too large."""


def unary(title: str, function: Callable[[Any], Any], doc: str) -> Callable[..., Any]:
    """A function of one tensor, ``(x, name=None)``."""

    def call(x: Any, name: str | None = None) -> Any:
        return function(array_of(x))

    return _finished(call, title, doc)


def binary(title: str, function: Callable[[Any, Any], Any], doc: str) -> Callable[..., Any]:
    """A function of two tensors, ``(x, y, name=None)``; a number takes the other's dtype."""

    def call(x: Any, y: Any, name: str | None = None) -> Any:
        return function(*operands(x, y))

    return _finished(call, title, doc)


def operands(x: Any, y: Any) -> tuple[Any, Any]:
    """Two arguments as arrays; Python numbers stay, so that they take the other's dtype."""
    left = x if isinstance(x, (int, float)) else array_of(x)
    right = y if isinstance(y, (int, float)) else array_of(y)
    if left is x and right is y and not hasattr(x, "dtype") and not hasattr(y, "dtype"):
        return array_of(x), array_of(y)
    return left, right


def _finished(call: Any, title: str, doc: str) -> Callable[..., Any]:
    call.__name__ = call.__qualname__ = title
    call.__doc__ = doc
    return op(call)


def as_axis(axis: Any) -> Any:
    """An axis, several or None, given as numbers, a list or a tensor."""
    if axis is None or isinstance(axis, int):
        return axis
    if hasattr(axis, "tolist"):
        axis = axis.tolist()
    return axis if isinstance(axis, int) else tuple(int(a) for a in axis)
