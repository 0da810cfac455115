"""What a functional model is called with, put in the order, ranks and dtypes of its symbolic inputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import dtypes

from ..core.errors import ShapeError
from ..core.masks import get_mask, set_mask
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
        names = list(struct) if isinstance(struct, dict) else model.input_names
        missing = [name for name in names if name not in inputs]
        if missing:
            raise ShapeError(
                f"Model '{model.name}' has no value for its input(s) {missing}. Received: the keys {list(inputs)}"
            )
        return [inputs[name] for name in names]
    return symbolic.flatten(inputs)


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
            f"Received: shape {shape}"
        )
    if tensor.dtype == "string":
        return value  # strings stay on the host: the layers that look them up are called on them as they are
    if not symbolic.is_symbolic(value) and value.dtype != (wanted_dtype := dtypes.canonicalize_dtype(tensor.dtype)):
        value = jnp.asarray(value, wanted_dtype)
    set_mask(value, mask)
    return value
