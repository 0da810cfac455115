"""Operations as they stand on paper: ``x · 2``, ``softmax(scores)``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ops import symbolic
from .text import number

__all__ = ["KNOWN_AS", "call_expression", "expression", "parameter_names"]

#: What JAX's primitives are called in `ops`.
KNOWN_AS = {
    "add_any": "add", "mul": "multiply", "sub": "subtract", "div": "divide", "neg": "negative", "rem": "mod",
    "dot_general": "matmul", "max": "maximum", "min": "minimum", "select_n": "where", "pow": "power",
    "integer_pow": "power", "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min", "reduce_prod": "prod",
    "logistic": "sigmoid", "gt": "greater", "lt": "less", "ge": "greater_equal", "le": "less_equal", "eq": "equal",
    "ne": "not_equal", "dynamic_slice": "slice", "gather": "take", "scatter": "update", "scatter_add": "update",
    "dynamic_update_slice": "update", "conv_general_dilated": "convolution", "abs": "absolute", "true_divide": "divide",
    "get_item": "slice",
}  # fmt: skip
_BETWEEN = {
    "add": "+", "subtract": "−", "multiply": "·", "divide": "/", "matmul": "@", "power": "^", "greater": ">",
    "less": "<", "greater_equal": "≥", "less_equal": "≤", "equal": "=", "not_equal": "≠", "logical_and": "and",
    "logical_or": "or", "mod": "mod",
}  # fmt: skip
_LONGEST = 60


def expression(name: str, operands: Sequence[str]) -> str:
    """An operation on operands.

    >>> expression("multiply", ["x", "2"]), expression("negative", ["x"]), expression("softmax", ["h"])
    ('x · 2', '−x', 'softmax(h)')
    """
    if name in _BETWEEN and len(operands) == 2:
        return f"{operands[0]} {_BETWEEN[name]} {operands[1]}"
    if name == "negative" and len(operands) == 1:
        return f"−{operands[0]}"
    inside = ", ".join(operands)
    return f"{name}({inside if len(inside) <= _LONGEST else inside[: _LONGEST - 2] + ' …'})"


def call_expression(operation: Any, args: Any, kwargs: Any) -> str:
    """A function's call in a functional model: arrays as x, or x0, x1 …, all else as it is."""
    arrays = [leaf for leaf in symbolic.flatten((args, kwargs)) if hasattr(leaf, "shape")]
    symbols = iter(["x"] if len(arrays) == 1 else [f"x{i}" for i in range(len(arrays))])
    function = getattr(operation, "function", None)
    name = getattr(function, "__name__", type(operation).__name__)
    operands = [_written(arg, symbols) for arg in args]
    operands += [f"{key}={_written(value, symbols)}" for key, value in kwargs.items() if value is not None]
    if name == "get_item" and len(operands) == 2:
        return f"{operands[0]}[{operands[1]}]"
    return expression(KNOWN_AS.get(name, name), operands)


def parameter_names(operation: Any) -> list[str]:
    """The names of an operation's parameters."""
    function = getattr(operation, "function", None) or getattr(operation, "call", operation)
    if getattr(function, "__module__", "").startswith("jax"):  # whose operators call them x, y and out
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, p in inspect.signature(function).parameters.items() if p.kind in kinds]


def _written(value: Any, symbols: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return next(symbols)
    if isinstance(value, slice):
        parts = [value.start, value.stop, *([] if value.step is None else [value.step])]
        return ":".join("" if part is None else str(part) for part in parts)
    if isinstance(value, (list, tuple)):
        return ", ".join(_written(part, symbols) for part in value)
    if value is Ellipsis:
        return "…"
    if isinstance(value, (float, np.floating)):
        return number(float(value))
    return str(value)[:_LONGEST]
