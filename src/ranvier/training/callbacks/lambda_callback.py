"""`LambdaCallback`: a callback made of functions."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from ...core.errors import ArgumentError, ArgumentTypeError
from .callback import Callback
from .checks import nearest

__all__ = ["LambdaCallback"]

_HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """A callback whose hooks are functions.

    Args:
        on_epoch_begin, on_epoch_end: functions ``(epoch, logs)``.
        on_train_begin, on_train_end: functions ``(logs)``.
        on_train_batch_begin, on_train_batch_end: functions ``(batch, logs)``.
        **kwargs: any other hook by its name, such as ``on_test_end=``; what is no hook is kept as an attribute.

    Raises:
        ArgumentError: a name that is almost that of a hook.
        ArgumentTypeError: a hook that cannot be called.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"])).on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ):
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in (given | kwargs).items():
            if function is None and name in _HOOKS:
                continue
            if name not in _HOOKS and difflib.get_close_matches(name, _HOOKS, 1, cutoff=0.9):
                raise ArgumentError(
                    f"Callbacks have no hook {name!r}.{nearest(name, _HOOKS)} Hooks: {', '.join(_HOOKS)}."
                )
            if name in _HOOKS and not callable(function):
                raise ArgumentTypeError(f"{name} must be a function. Received: {name}={function!r}")
            setattr(self, name, function)
