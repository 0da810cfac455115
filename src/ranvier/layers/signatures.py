"""What a layer's `call` takes, and the shapes in what it is given."""

from __future__ import annotations

import functools
import inspect
from typing import Any, NamedTuple

from ..core.errors import ArgumentError
from ..ops import symbolic
from ..ops.unknown_sizes import blank

__all__ = ["CallParameters", "all_numbers", "as_shapes", "call_parameters", "shapes_for", "shapes_of", "tensors_of"]


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


def shapes_for(layer: Any, method: Any, given: dict[str, Any], first: Any) -> dict[str, Any]:
    """The shapes of `call`'s arguments as `method`, `build` or `compute_output_shape`, wants them.

    Args:
        layer: the layer.
        method: with one parameter, it takes the shape of the first argument, whatever its name; with several, each is
            called ``<argument>_shape``.
        given: the arguments by name.
        first: the shape of the first argument.

    Raises:
        ArgumentError: parameters that name no argument of `call`, or shapes of arguments that did not come.
    """
    parameters = [p for p in inspect.signature(method).parameters.values() if p.kind not in _CATCH_ALL]
    known = call_parameters(type(layer)).names
    if len(parameters) == 1 and (parameters[0].name.removesuffix("_shape") not in given):
        return {parameters[0].name: first}
    shapes = {}
    for parameter in parameters:
        argument = parameter.name.removesuffix("_shape")
        if argument == parameter.name or argument not in known:
            raise ArgumentError(
                f"Layer '{layer.name}': the parameters of {method.__name__} must be shapes of call's arguments, called "
                f"{', '.join(f'{name}_shape' for name in known)}; a single one may have any name. Received: "
                f"{method.__name__}({', '.join(p.name for p in parameters)})"
            )
        if given.get(argument) is not None:
            shapes[parameter.name] = shapes_of(given[argument])
        elif parameter.default is parameter.empty:
            raise ArgumentError(
                f"Layer '{layer.name}': {method.__name__} needs {parameter.name}, and no {argument} was given. Give it a "
                f"default, {parameter.name}=None, if call can do without."
            )
    return shapes


_CATCH_ALL = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


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
