"""Masks travel beside tensors: which time steps are real and which are padding.

A concrete array carries its mask as the attribute `_keras_mask`, as Keras users know it. Tracers take no
attributes, so inside a call the masks of that call are kept in a table that lives as long as the call.

What leaves one transformation of JAX and enters another is made of new objects: `masks_of` takes the masks along as
results of their own, `attach_masks` puts them back.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import jax
from jax.core import Tracer

__all__ = ["attach_masks", "get_mask", "mask_table", "masks_of", "set_mask"]

# Masks of tracers outside of any call: of what layers gave inside a function that a user compiles.
_loose: dict[int, tuple[weakref.ref[Any], Any]] = {}
_table: ContextVar[dict[int, tuple[Any, Any]] | None] = ContextVar("mask_table", default=None)


@contextlib.contextmanager
def mask_table() -> Iterator[None]:
    """Keep the masks of tensors made within; an outer table is used on."""
    if _table.get() is not None:
        yield
        return
    token = _table.set({})
    try:
        yield
    finally:
        _table.reset(token)


def set_mask(tensor: Any, mask: Any) -> None:
    """Attach `mask` to `tensor`; None leaves things as they are."""
    if mask is None:
        return
    if isinstance(tensor, jax.Array) and not isinstance(tensor, Tracer) and not isinstance(mask, Tracer):
        tensor._keras_mask = mask  # type: ignore[attr-defined]
        return
    table = _table.get()
    if table is not None:
        table[id(tensor)] = (tensor, mask)  # the tensor is held, so its id stays its own
    elif isinstance(tensor, Tracer):
        key = id(tensor)
        _loose[key] = (weakref.ref(tensor, lambda _, pop=_loose.pop: pop(key, None)), mask)


def get_mask(tensor: Any) -> Any:
    """The mask of `tensor`, or None."""
    table = _table.get()
    entry = None if table is None else table.get(id(tensor))
    if entry is None and _loose:
        entry = _loose.get(id(tensor))
    return getattr(tensor, "_keras_mask", None) if entry is None else entry[1]


def masks_of(structure: Any) -> list[Any]:
    """The mask of each array in a nested structure, None where there is none: a pytree that a trace may return."""
    return [get_mask(leaf) for leaf in jax.tree.leaves(structure)]


def attach_masks(structure: Any, masks: list[Any]) -> Any:
    """`structure`, with the masks that `masks_of` found on what it was before a boundary of a trace."""
    for leaf, mask in zip(jax.tree.leaves(structure), masks, strict=True):
        set_mask(leaf, mask)
    return structure
