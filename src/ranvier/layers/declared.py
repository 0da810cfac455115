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

from ..ops import symbolic
from .masking import found_masks
from .signatures import call_parameters, shapes_for, shapes_of, tensors_of

__all__ = ["declared_outputs"]

# Layers whose declaration is being computed: what it asks of its base class is found by tracing `call`.
_asked: ContextVar[frozenset[int]] = ContextVar("asked_layers", default=frozenset())


def declared_outputs(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], spec: bool = True) -> Any:
    """The symbolic results that the layer's class declares, with masks; None if it declares nothing.

    Args:
        layer: the layer, built.
        args: its positional arguments, symbolic tensors among them.
        kwargs: its keyword arguments.
        spec: whether an own `compute_output_spec` counts, too.
    """
    own_spec, own_shape = (_is_own(type(layer), name) for name in ("compute_output_spec", "compute_output_shape"))
    if not (own_shape or (own_spec and spec)) or id(layer) in _asked.get():
        return None
    with _asking(layer):
        if own_spec and spec:
            outputs = layer.compute_output_spec(*args, **kwargs)
        else:
            names = call_parameters(type(layer)).positional
            given = dict(zip(names, args, strict=False)) | kwargs
            first = args[0] if args else next(iter(kwargs.values()), None)
            shapes = shapes_for(layer, layer.compute_output_shape, given, shapes_of(first))
            outputs = tensors_of(layer.compute_output_shape(**shapes), layer.compute_dtype)
    _mask(layer, args, kwargs, outputs)
    return outputs


@contextlib.contextmanager
def _asking(layer: Any) -> Iterator[None]:
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


def _mask(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
    """Give declared results the masks that `compute_mask` has for them."""
    masks, _, _ = found_masks(call_parameters(type(layer)), args, kwargs)
    if not layer.supports_masking or not (masks.found or layer._makes_masks()):
        return
    computed = symbolic.infer(layer.compute_mask, (masks.first, masks.mask if masks.found else None), {})
    new = jax.tree.leaves(computed, is_leaf=lambda mask: mask is None)
    for tensor, mask in zip(symbolic.flatten(outputs), new, strict=False):
        if mask is not None:
            symbolic.attach_mask(tensor, mask)
