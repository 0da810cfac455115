"""What a layer's author declares about its results: an own `compute_output_spec` or `compute_output_shape` decides.

Layers whose `call` cannot run without numbers (host callbacks, data-dependent sizes, other libraries) say so what comes
out; while a model is built, `call` is not run.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp

from ..ops import symbolic
from .masking import found_masks
from .signatures import call_parameters, shapes_for, shapes_of, tensors_of

__all__ = ["asking", "declared_arrays", "declared_outputs", "mask_declared"]

# Layers whose declaration is being computed: what it asks of its base class is found by tracing `call`.
_asked: ContextVar[frozenset[int]] = ContextVar("asked_layers", default=frozenset())


def declared_outputs(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], spec: bool = True) -> Any:
    """The symbolic results that the layer's class declares; None if it declares nothing.

    Args:
        layer: the layer, built.
        args: its positional arguments, symbolic tensors among them.
        kwargs: its keyword arguments.
        spec: whether an own `compute_output_spec` counts, too.
    """
    own_spec, own_shape = (_is_own(type(layer), name) for name in ("compute_output_spec", "compute_output_shape"))
    if not (own_shape or (own_spec and spec)) or id(layer) in _asked.get():
        return None
    with asking(layer):
        if own_spec and spec:
            return layer.compute_output_spec(*args, **kwargs)
        names = call_parameters(type(layer)).positional
        given = dict(zip(names, args, strict=False)) | kwargs
        first = args[0] if args else next(iter(kwargs.values()), None)
        shapes = shapes_for(layer, layer.compute_output_shape, given, shapes_of(first))
        return tensors_of(layer.compute_output_shape(**shapes), layer.compute_dtype)


def declared_arrays(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Within a trace that asks for shapes, of a model around the layer: zeros of what it declares, or None.

    A size that nobody knows is stood in for by one that changes with the sizes of the arguments.
    """
    if not (_is_own(type(layer), "compute_output_spec") or _is_own(type(layer), "compute_output_shape")):
        return None
    arrays = [leaf for leaf in symbolic.flatten((args, kwargs)) if isinstance(leaf, jax.Array)]
    unknown = sum(sum(x.shape) for x in arrays)
    args, kwargs = symbolic.rebuild(
        (args, kwargs),
        lambda x: symbolic.KerasTensor(x.shape, x.dtype.name) if isinstance(x, jax.Array) else x,
    )
    outputs = declared_outputs(layer, args, kwargs)
    if outputs is None:
        return None
    return symbolic.rebuild(outputs, lambda t: jnp.zeros([unknown if n is None else n for n in t.shape], t.dtype))


@contextlib.contextmanager
def asking(layer: Any) -> Iterator[None]:
    """Within it, the layer's results are found by tracing its `call`."""
    token = _asked.set(_asked.get() | {id(layer)})
    try:
        yield
    finally:
        _asked.reset(token)


@functools.cache
def _is_own(cls: type, name: str) -> bool:
    """Whether the method is a user's and not one of ranvier's classes."""
    owner = next(c for c in cls.__mro__ if name in vars(c))
    return owner.__module__.partition(".")[0] != "ranvier"


def mask_declared(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
    """Give declared results the masks that `compute_mask` has for them."""
    masks, _, _ = found_masks(call_parameters(type(layer)), args, kwargs)
    if not layer.supports_masking or not (masks.found or layer._makes_masks()):
        return
    computed = symbolic.infer(layer.compute_mask, (masks.first, masks.mask if masks.found else None), {})
    new = jax.tree.leaves(computed, is_leaf=lambda mask: mask is None)
    for tensor, mask in zip(symbolic.flatten(outputs), new, strict=False):
        if mask is not None:
            symbolic.attach_mask(tensor, mask)
