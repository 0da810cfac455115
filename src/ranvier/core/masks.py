"""Masks travel beside tensors: which time steps are real and which are padding.

A concrete array carries its mask as the attribute `_keras_mask`, as Keras users know it. Tracers take no
attributes, so inside a call the masks of that call are kept in a table that lives as long as the call.

What leaves one transformation of JAX and enters another is made of new objects: `masks_of` takes the masks along as
results of their own, `attach_masks` puts them back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import jax

__all__ = ["attach_masks", "get_mask", "mask_table", "masks_of", "set_mask"]

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
    try:
        tensor._keras_mask = mask
    except AttributeError:
        table = _table.get()
        if table is not None:
            table[id(tensor)] = (tensor, mask)  # the tensor is held, so its id stays its own


def get_mask(tensor: Any) -> Any:
    """The mask of `tensor`, or None."""
    mask = getattr(tensor, "_keras_mask", None)
    if mask is None and (table := _table.get()) is not None:
        entry = table.get(id(tensor))
        mask = entry[1] if entry is not None else None
    return mask


def masks_of(structure: Any) -> list[Any]:
    """The mask of each array in a nested structure, None where there is none: a pytree that a trace may return."""
    return [get_mask(leaf) for leaf in jax.tree.leaves(structure)]


def attach_masks(structure: Any, masks: list[Any]) -> Any:
    """`structure`, with the masks that `masks_of` found on what it was before a boundary of a trace."""
    for leaf, mask in zip(jax.tree.leaves(structure), masks, strict=True):
        set_mask(leaf, mask)
    return structure
