"""What a functional model is called with, put in the order, ranks and dtypes of its symbolic inputs."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import dtypes

from ..core.errors import ShapeError
from ..core.masks import get_mask, set_mask
from ..core.trees import ordered_keys
from ..ops import symbolic

__all__ = ["standardize_inputs"]


def standardize_inputs(model: Any, inputs: Any) -> list[Any]:
    """The values in the order of ``model.inputs``; raises ShapeError where they do not fit."""
    wanted = model.inputs
    values = _in_order(model, inputs)
    if len(values) != len(wanted):
        raise ShapeError(
            f"Model '{model.name}' takes {len(wanted)} input(s): {model.input_names}. Received: {len(values)} value(s)"
        )
    return [_fit(model, tensor, value) for tensor, value in zip(wanted, values, strict=True)]


def _in_order(model: Any, inputs: Any) -> list[Any]:
    if isinstance(inputs, dict):
        struct = model._inputs_struct
        names = ordered_keys(struct) if isinstance(struct, dict) else model.input_names
        missing = [name for name in names if name not in inputs]
        if missing:
            raise ShapeError(
                f"Model '{model.name}' has no value for its input(s) {missing}. Received: the keys {list(inputs)}"
            )
        parts = struct if isinstance(struct, dict) else dict.fromkeys(names)
        return [leaf for name in names for leaf in _leaves(parts[name], inputs[name])]
    return _leaves(model._inputs_struct, inputs)


def _leaves(struct: Any, value: Any) -> list[Any]:
    """The leaves of `value` in the order of those of `struct`: what dicts hold is paired by its keys."""
    if isinstance(struct, dict) and isinstance(value, dict) and struct.keys() <= value.keys():
        return [leaf for key in ordered_keys(struct) for leaf in _leaves(struct[key], value[key])]
    nested = isinstance(struct, (list, tuple)) and isinstance(value, (list, tuple)) and len(struct) == len(value)
    if nested:
        return [leaf for part, one in zip(struct, value, strict=True) for leaf in _leaves(part, one)]
    return symbolic.flatten(value)


def _fit(model: Any, tensor: Any, value: Any) -> Any:
    shape, wanted = tuple(value.shape), tensor.shape
    mask = get_mask(value)
    if len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        value = value[..., None]
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        value = value[..., 0]
    shape = tuple(value.shape)
    fits = len(shape) == len(wanted) and all(
        w is None or s is None or w == s for w, s in zip(wanted[1:], shape[1:], strict=True)
    )
    if not fits:
        raise ShapeError(
            f"Model '{model.name}' takes inputs of shape {wanted} for '{tensor._keras_history.operation.name}'. "
            f"Received: shape {shape}.{_advice(shape[1:], wanted[1:])}"
        )
    if tensor.dtype == "string":
        return value  # strings stay on the host: the layers that look them up are called on them as they are
    if not symbolic.is_symbolic(value) and value.dtype != (wanted_dtype := dtypes.canonicalize_dtype(tensor.dtype)):
        value = jnp.asarray(value, wanted_dtype)
    set_mask(value, mask)
    return value


def _advice(sizes: tuple[Any, ...], wanted: tuple[Any, ...]) -> str:
    """How samples of these sizes become samples of the wanted ones, where one way is clear."""
    if None in sizes or None in wanted or math.prod(sizes) != math.prod(wanted):
        return ""
    long, long_wanted = ([size for size in s if size != 1] for s in (sizes, wanted))
    if long != long_wanted and sorted(long) == sorted(long_wanted):
        return " The axes stand in another order: numpy.moveaxis or layers.Permute changes it."
    return f" Each has {math.prod(wanted):,} numbers, so reshape them: x.reshape(-1, {', '.join(map(str, wanted))})."
