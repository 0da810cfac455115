"""What loading a file may cost: the bytes of weights and the number of objects that a configuration may ask for.

Files say in a few bytes how large a layer is. While one is being read, every variable and every configured object is
charged to a budget that its reader opened, before any memory is taken; without an open budget nothing is counted.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from .errors import SerializationError

__all__ = ["BudgetError", "budget", "charge_bytes", "charge_objects", "check_shape", "check_table", "loading"]


_MOST_ELEMENTS = 1 << 36  # of one sample's tensor, or of a whole batch's
_LARGEST_TABLE = 1 << 24  # numbers that a layer works out from its arguments


class BudgetError(SerializationError):
    """A file asks for more than what it holds justifies."""


class _Budget:
    def __init__(self, nbytes: int, objects: int):
        self.nbytes = self.given_bytes = nbytes
        self.objects = self.given_objects = objects


_open: ContextVar[_Budget | None] = ContextVar("budget", default=None)


@contextlib.contextmanager
def budget(nbytes: int, objects: int) -> Iterator[None]:
    """Within it, variables may take `nbytes` in all, and at most `objects` configured objects and steps are made."""
    token = _open.set(_Budget(nbytes, objects))
    try:
        yield
    finally:
        _open.reset(token)


def loading() -> bool:
    """Whether a budget is open: objects are being made because a file says so."""
    return _open.get() is not None


def charge_bytes(shape: Any, itemsize: int, what: str) -> None:
    """Count an array of `shape` that is about to be made.

    Raises:
        BudgetError: the open budget does not have that much left.
    """
    now = _open.get()
    if now is None:
        return
    now.nbytes -= math.prod(int(s) for s in shape) * itemsize
    if now.nbytes < 0:
        raise BudgetError(
            f"{what} with shape {str(tuple(shape))[:100]} brings the weights that the configuration asks for to more than "
            f"{now.given_bytes:,} bytes, which is what the file's own weights allow."
        )


def charge_objects(what: str, number: int = 1) -> None:
    """Count objects, or steps of tracing, that are about to be made.

    Raises:
        BudgetError: the open budget does not have that many left.
    """
    now = _open.get()
    if now is None:
        return
    now.objects -= number
    if now.objects < 0:
        raise BudgetError(
            f"{what} brings the objects and steps that the configuration asks for to more than {now.given_objects:,}, "
            f"which is what its length allows."
        )


def check_shape(shape: tuple[int | None, ...]) -> None:
    """Refuse tensors that no machine could hold, where a file describes them.

    Raises:
        BudgetError: a budget is open, and the shape has too many elements.
    """
    if _open.get() is not None and math.prod(size or 1 for size in shape) > _MOST_ELEMENTS:
        raise BudgetError(f"A tensor of shape {str(shape)[:100]} is more than {_MOST_ELEMENTS:,} numbers.")


def check_table(shape: tuple[int, ...], what: str) -> None:
    """Refuse constants that a layer is about to work out from its arguments, where a file gave these and they are huge.

    Raises:
        BudgetError: a budget is open, and the constants are too many.
    """
    if _open.get() is not None and math.prod(shape) > _LARGEST_TABLE:
        raise BudgetError(f"{what} of shape {str(shape)[:100]} is more than {_LARGEST_TABLE:,} numbers.")
