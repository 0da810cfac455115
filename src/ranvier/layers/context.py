"""What holds during one outermost call of a layer: the training flag and the losses that layers add on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ..core.masks import mask_table

__all__ = ["CallContext", "call_context", "current_context"]


class CallContext:
    """The state of one outermost call.

    Args:
        training: the flag that layers without an explicit one get; None where nobody said.

    Attributes:
        losses: pairs of the layer that added a loss and the loss.
        frozen: whether a layer around the running one is not trainable.
        watch: called in place of each layer's `call`, ``(layer, call, args, kwargs) → outputs``; None: nobody watches.
    """

    def __init__(self, training: bool | None = None):
        self.training = training
        self.losses: list[tuple[Any, Any]] = []
        self.frozen = False
        self.watch: Callable[[Any, Callable[..., Any], Any, Any], Any] | None = None


_current: ContextVar[CallContext | None] = ContextVar("call_context", default=None)


def current_context() -> CallContext | None:
    """The context of the running call, or None."""
    return _current.get()


@contextlib.contextmanager
def call_context(training: bool | None = None) -> Iterator[CallContext]:
    """Open a fresh context, with a table for masks."""
    token = _current.set(CallContext(training))
    try:
        with mask_table():
            yield _current.get()  # type: ignore[misc]
    finally:
        _current.reset(token)
