"""`CallbackList`: many callbacks told of everything in turn, and what the loops need to know about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...core.errors import ArgumentTypeError
from .callback import Callback, Logs
from .history import History
from .progbar_logger import ProgbarLogger

__all__ = ["CallbackList"]

_METHODS = ("set_params", "set_model", *(name for name in vars(Callback) if name.startswith("on_")))


class CallbackList(Callback):
    """Calls each hook of several callbacks, in their order.

    Args:
        callbacks: a callback, or a list of them, nested at will; None: none.
        add_history: append a `History` unless there is one.
        add_progbar: append a `ProgbarLogger` unless there is one.
        model: the model to give them.
        **params: ``verbose``, ``epochs``, ``steps`` of the run, which they see as ``params``.

    Raises:
        ArgumentTypeError: something in `callbacks` is not a callback.

    >>> hooks = CallbackList(add_history=True, epochs=1)
    >>> hooks.on_train_begin()
    >>> hooks.on_epoch_end(0, {"loss": 0.5})
    >>> hooks.callbacks[0].history
    {'loss': [0.5]}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        self.callbacks: list[Any] = list(_flat(callbacks))
        self._history = self._first(History, add_history)
        self._progbar = self._first(ProgbarLogger, add_progbar)
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _first(self, kind: Callable[[], Any], add: bool) -> Any:
        """The last callback of this kind; a new one if there is none and `add`."""
        found = [c for c in self.callbacks if isinstance(c, kind)]  # type: ignore[arg-type]
        if not found and add:
            found = [kind()]
            self.callbacks += found
        return found[-1] if found else None

    def set_params(self, params: dict[str, Any] | None) -> None:
        """Give the run's parameters to all."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Give the model to all; its `history` becomes the list's `History`."""
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    # --- what the loops need to know --------------------------------------------------------------------------------

    @property
    def wants_train_batches(self) -> bool:
        """Whether some callback must be called at each batch of training."""
        return self._wants("train")

    @property
    def wants_test_batches(self) -> bool:
        """Whether some callback must be called at each batch of testing."""
        return self._wants("test")

    @property
    def wants_predict_batches(self) -> bool:
        """Whether some callback must be called at each batch of `predict`."""
        return self._wants("predict")

    @property
    def hears_train_batches(self) -> bool:
        """Whether some callback overrides a hook of training batches, be it only to be called now and then."""
        return any(_watches_batches(c, "train") for c in self.callbacks)

    @property
    def hears_test_batches(self) -> bool:
        """Whether some callback overrides a hook of testing batches, be it only to be called now and then."""
        return any(_watches_batches(c, "test") for c in self.callbacks)

    @property
    def hears_predict_batches(self) -> bool:
        """Whether some callback overrides a hook of `predict`'s batches, be it only to be called now and then."""
        return any(_watches_batches(c, "predict") for c in self.callbacks)

    @property
    def wants_epochs(self) -> bool:
        """Whether some callback must be called between epochs; recorders of logs can be told afterwards."""
        return any(
            not getattr(c, "epoch_hooks_deferrable", False)
            and (_overrides(c, "on_epoch_begin") or _overrides(c, "on_epoch_end"))
            for c in self.callbacks
        )

    def _wants(self, kind: str) -> bool:
        return any(not getattr(c, "batch_hooks_optional", False) and _watches_batches(c, kind) for c in self.callbacks)

    # --- hooks ------------------------------------------------------------------------------------------------------

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_begin`."""
        self.on_train_batch_begin(batch, logs=logs)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_end`."""
        self.on_train_batch_end(batch, logs=logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of training."""
        logs = _numbers(logs)
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of training."""
        logs = _numbers(logs)
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of testing."""
        logs = _numbers(logs)
        for callback in self.callbacks:
            callback.on_test_batch_begin(batch, logs=logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of testing."""
        logs = _numbers(logs)
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, logs=logs)

    # What `predict` logs are outputs, not metrics: they go through as they are.
    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of `predict`."""
        for callback in self.callbacks:
            callback.on_predict_batch_begin(batch, logs=logs or {})

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of `predict`."""
        for callback in self.callbacks:
            callback.on_predict_batch_end(batch, logs=logs or {})

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before an epoch."""
        logs = _numbers(logs)
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After an epoch."""
        logs = _numbers(logs)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        """When `fit` begins."""
        self._tell("on_train_begin", logs)

    def on_train_end(self, logs: Logs = None) -> None:
        """When `fit` ends."""
        self._tell("on_train_end", logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """When testing begins."""
        self._tell("on_test_begin", logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """When testing ends."""
        self._tell("on_test_end", logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """When `predict` begins."""
        self._tell("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        """When `predict` ends."""
        self._tell("on_predict_end", logs)

    def _tell(self, hook: str, logs: Logs) -> None:
        logs = _numbers(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(logs)


def _flat(callbacks: Any) -> Iterator[Any]:
    """The callbacks of a nested list, each checked to be one."""
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple)):
        for item in callbacks:
            yield from _flat(item)
        return
    missing = [name for name in _METHODS if not callable(getattr(callbacks, name, None))]
    if isinstance(callbacks, type) or missing:
        what = f"the class {callbacks.__name__}" if isinstance(callbacks, type) else repr(callbacks)
        hint = (
            f" Did you mean {callbacks.__name__}(…)?"
            if isinstance(callbacks, type)
            else " Derive from ranvier.callbacks.Callback, or wrap a function in LambdaCallback."
        )
        raise ArgumentTypeError(f"callbacks must be Callback objects or lists of them. Received: {what}.{hint}")
    yield callbacks


def _watches_batches(callback: Any, kind: str) -> bool:
    names = [f"on_{kind}_batch_begin", f"on_{kind}_batch_end"]
    if kind == "train":
        names += ["on_batch_begin", "on_batch_end"]
    return any(_overrides(callback, name) for name in names)


def _overrides(callback: Any, hook: str) -> bool:
    """Whether the callback does something in `hook`: its class overrides it, or it was set on the object."""
    function = getattr(getattr(callback, hook), "__func__", None)
    if function is vars(Callback)[hook]:
        return False
    # Callbacks made for Keras itself work as well; the hooks of Keras's base class do nothing either.
    root = type(callback).__mro__[-2]
    return not (root.__module__.startswith("keras.") and function is vars(root).get(hook))


def _numbers(logs: Logs) -> dict[str, Any]:
    """A copy with names in order, scalars as Python floats, and dicts inside merged into it."""
    found: dict[str, Any] = {}
    for name in sorted(logs or {}):
        value = logs[name]  # type: ignore[index]
        if isinstance(value, dict):
            found.update(_numbers(value))
        elif isinstance(value, (int, np.number)) or getattr(value, "shape", None) == ():
            found[name] = float(value)
        else:
            found[name] = value
    return found
