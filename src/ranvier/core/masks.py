"""Masks travel beside tensors: which time steps are real and which are padding.

A concrete array carries its mask as the attribute `_keras_mask`, as Keras users know it. Tracers take no
attributes, so inside a call the masks of that call are kept in a table that lives as long as the call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["get_mask", "mask_table", "set_mask"]

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
