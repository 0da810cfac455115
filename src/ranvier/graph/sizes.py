"""Sizes of tensors that are known only when a graph runs: expressions of symbols such as ``batch`` and ``size_1``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jax import export
from jax.core import ShapedArray

from ..core.errors import ShapeError

__all__ = ["Size", "Sizes", "is_symbolic_size", "solved", "symbols", "with_numbers"]

Size = Any  # an int or one of JAX's symbolic dimensions, which have no public class
Sizes = Mapping[str, int]


def is_symbolic_size(size: Any) -> bool:
    """Whether `size` is an expression of symbols, not a number."""
    return export.is_symbolic_dim(size)


def symbols(names: Sequence[str], least: int = 1, multiple: int = 1) -> dict[str, Size]:
    """Symbolic sizes by their names, all of one scope, so that one can be compared and computed with the others.

    Args:
        names: their names.
        least: the smallest number that they stand for; the batch's is 1.
        multiple: what they are multiples of; the batch is not.
    """
    if not names:
        return {}
    written = [name if multiple == 1 or name == "batch" else f"{multiple}*{name}" for name in names]
    bounds = [f"{size} >= {least}" for name, size in zip(names, written, strict=True) if name != "batch" and least > 1]
    return dict(zip(names, export.symbolic_shape(", ".join(written), constraints=bounds), strict=True))


def with_numbers(value: Any, sizes: Sizes) -> Any:
    """`value` with numbers in the place of symbolic sizes, wherever in nested containers they are."""
    if is_symbolic_size(value):
        return int(value._evaluate(sizes))  # JAX shows no other way
    if isinstance(value, dict):
        return {key: with_numbers(inner, sizes) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(with_numbers(inner, sizes) for inner in value))
    if type(value) in (list, tuple):
        return type(value)(with_numbers(inner, sizes) for inner in value)
    if isinstance(value, slice):
        return slice(*(with_numbers(part, sizes) for part in (value.start, value.stop, value.step)))
    if isinstance(value, ShapedArray):
        return value.update(shape=with_numbers(value.shape, sizes))
    return value


def solved(shapes: Sequence[tuple[Size, ...]], given: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """The numbers that the symbols in the inputs' `shapes` stand for, from the shapes of the arrays `given`.

    Raises:
        ShapeError: ranks or sizes that do not fit, or one symbol that would be two numbers.
    """
    found: dict[str, int] = {}
    for shape, sizes in zip(shapes, given, strict=True):
        if len(shape) != len(sizes):
            raise ShapeError(f"The graph takes an input of shape {_shown(shape)}. Received: shape {sizes}")
        for size, number in zip(shape, sizes, strict=True):
            if not is_symbolic_size(size):
                if size != number:
                    raise ShapeError(f"The graph takes an input of shape {_shown(shape)}. Received: shape {sizes}")
                continue
            *factor, name = str(size).split("*")
            count, rest = divmod(number, int(factor[0]) if factor else 1)
            if rest:
                raise ShapeError(f"The graph was captured for sizes {_shown(shape)}. Received: shape {sizes}")
            if found.setdefault(name, count) != count:
                raise ShapeError(f"'{name}' is {found[name]} in one input and {count} in another.")
    return found


def _shown(shape: tuple[Size, ...]) -> str:
    return f"({', '.join(map(str, shape))})"
