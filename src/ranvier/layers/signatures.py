"""What a layer's `call` takes, and the shapes in what it is given."""

from __future__ import annotations

import functools
import inspect
from typing import Any, NamedTuple

from ..ops import symbolic
from ..ops.unknown_sizes import blank

__all__ = ["CallParameters", "all_numbers", "as_shapes", "call_parameters", "shapes_of", "tensors_of"]


class CallParameters(NamedTuple):
    """The parameters of a `call` method."""

    names: list[str]
    training: bool  # whether it takes `training`, by name or by **kwargs
    positional: list[str]  # those that can be given by position, in their order


@functools.cache
def call_parameters(cls: type) -> CallParameters:
    """The parameters of ``cls.call``, without `self`."""
    parameters = list(inspect.signature(cls.call).parameters.values())[1:]  # type: ignore[attr-defined]
    names = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return CallParameters(names, "training" in names, positional)


def shapes_of(value: Any) -> Any:
    """The shapes of the tensors in a nested structure, each a tuple, None for sizes that a trace does not know."""
    return symbolic.rebuild(value, lambda x: blank(x.shape) if hasattr(x, "shape") else ())


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(v is None or isinstance(v, int) for v in value)


def tensors_of(shapes: Any, dtype: str) -> Any:
    """Symbolic tensors for a nested structure of shapes; symbolic tensors in it stay."""
    if _is_shape(shapes):
        return symbolic.KerasTensor(shapes, dtype)
    if isinstance(shapes, dict):
        return {k: tensors_of(v, dtype) for k, v in shapes.items()}
    if isinstance(shapes, (list, tuple)):
        return type(shapes)(tensors_of(v, dtype) for v in shapes)
    return shapes


def as_shapes(value: Any) -> Any:
    """Shapes read from JSON (lists) as tuples."""
    if _is_shape(value):
        return tuple(value)
    if isinstance(value, dict):
        return {k: as_shapes(v) for k, v in value.items()}
    return [as_shapes(v) for v in value] if isinstance(value, (list, tuple)) else value


def all_numbers(value: Any) -> bool:
    """Whether a nested list holds only Python numbers."""
    if isinstance(value, (list, tuple)):
        return all(all_numbers(v) for v in value)
    return isinstance(value, (int, float))
