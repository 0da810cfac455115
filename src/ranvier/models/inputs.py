"""What a functional model is called with, put in the order, ranks and dtypes of its symbolic inputs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import dtypes

from ..core.errors import RanvierWarning, ShapeError
from ..core.masks import get_mask, set_mask
from ..core.pure import current_scope
from ..core.tracebacks import outside
from ..core.trees import ordered_keys
from ..ops import symbolic

__all__ = ["leaves_for", "standardize_inputs"]


def standardize_inputs(model: Any, inputs: Any) -> list[Any]:
    """The values in the order of ``model.inputs``, None for optional ones.

    Raises:
        ShapeError: they do not fit in number, names, structure or shape. A list for a model that takes a dict is
            refused in calls; while a model trains or predicts, whose data went through other hands, it is a warning.
    """
    wanted = model.inputs
    values = leaves_for(model, model._inputs_struct, inputs)
    if len(values) != len(wanted):
        raise ShapeError(
            f"Model '{model.name}' takes {len(wanted)} input(s): {model.input_names}. Received: {len(values)} value(s)"
        )
    return [_fit(model, tensor, value) for tensor, value in zip(wanted, values, strict=True)]


def leaves_for(model: Any, struct: Any, inputs: Any) -> list[Any]:
    """The leaves of `inputs` in the order of those of `struct`, None among them: what dicts hold is paired by keys."""
    if not isinstance(struct, dict) and isinstance(inputs, Mapping):
        parts = dict(zip(model.input_names, model.inputs, strict=True))  # a dict by the names of the inputs
    else:
        parts = struct
    leaves: list[Any] = []
    if isinstance(parts, dict) and isinstance(inputs, Mapping):
        _say_extra(model, parts, inputs)
        order = list(parts) if parts is not struct else ordered_keys(parts)
        for key in order:
            if key not in inputs:
                missing = [k for k in order if k not in inputs]
                raise ShapeError(
                    f"Model '{model.name}' has no value for its input(s) {missing}. Received: the keys {list(inputs)}"
                )
            _gather(model, parts[key], inputs[key], leaves)
    else:
        _gather(model, struct, inputs, leaves)
    return leaves


def _gather(model: Any, struct: Any, value: Any, leaves: list[Any]) -> None:
    """Append the leaves of `value` for those of `struct` to `leaves`."""
    if isinstance(struct, dict) and isinstance(value, Mapping) and struct.keys() <= value.keys():
        _say_extra(model, struct, value)
        for key in ordered_keys(struct):
            _gather(model, struct[key], value[key], leaves)
    elif isinstance(struct, (list, tuple)) and isinstance(value, (list, tuple)) and len(struct) == len(value):
        for part, one in zip(struct, value, strict=True):
            _gather(model, part, one, leaves)
    elif symbolic.is_symbolic(struct) and not isinstance(value, (list, tuple, Mapping)):
        leaves.append(value)
    else:
        found = _flat(value)
        if len(found) > 1 or len(symbolic.flatten(struct)) != len(found):
            _say_unlike(model, struct, value, len(found))
        leaves += found


def _flat(value: Any) -> list[Any]:
    """The leaves, None among them."""
    if isinstance(value, Mapping):
        return [leaf for key in ordered_keys(dict(value)) for leaf in _flat(value[key])]
    return [leaf for one in value for leaf in _flat(one)] if isinstance(value, (list, tuple)) else [value]


def _say_extra(model: Any, struct: Any, value: Any) -> None:
    if extra := [key for key in value if key not in struct]:
        warnings.warn(
            f"Model '{model.name}' takes {_shown(struct)}. The keys {extra} of its inputs are not used.",
            RanvierWarning,
            stacklevel=outside(),
        )


def _say_unlike(model: Any, struct: Any, value: Any, count: int) -> None:
    """Refuse another structure, or warn of it where it is usual: nested ones, and the data of `fit` and `predict`."""
    text = (
        f"The inputs of model '{model.name}' do not have the structure that it was made with, so they may be paired "
        f"wrongly. Expected: {_shown(struct)}. Received: {_shown(value)}."
    )
    if count != len(symbolic.flatten(struct)):
        raise ShapeError(text)
    scope = current_scope()
    flat_dict = isinstance(struct, dict) and all(symbolic.is_symbolic(v) for v in struct.values())
    if flat_dict and not (scope is not None and scope.closed):
        raise ShapeError(text + " Give a dict with these keys.")
    warnings.warn(text + " They are taken in this order.", RanvierWarning, stacklevel=outside())


def _shown(structure: Any) -> Any:
    """A structure with names or shapes for its tensors."""
    if isinstance(structure, Mapping):
        return {key: _shown(value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_shown(value) for value in structure]
    if symbolic.is_symbolic(structure):
        return structure.name
    return None if structure is None else f"an array of shape {tuple(getattr(structure, 'shape', ()))}"


def _fit(model: Any, tensor: Any, value: Any) -> Any:
    layer = tensor._keras_history.operation
    if value is None:
        if getattr(layer, "optional", False):
            return None
        raise ShapeError(
            f"Model '{model.name}': the input '{layer.name}' is not optional. Received: None. Give it a value, or make it "
            "with Input(…, optional=True)."
        )
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
            f"Model '{model.name}' takes inputs of shape {wanted} for '{layer.name}'. "
            f"Received: shape {(None, *shape[1:])}.{_advice(shape[1:], wanted[1:])}"
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
