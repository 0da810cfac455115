"""`Callback`: hooks that `fit`, `evaluate` and `predict` call at their edges."""

from __future__ import annotations

from typing import Any

from ...core.argument_names import check_names
from ...core.serialization import is_builtin

__all__ = ["Callback"]

Logs = dict[str, Any] | None


class Callback:
    """Base of all callbacks: override the hooks you need; the others do nothing.

    Epochs and batches are counted from 0. `logs` maps the names of metrics to numbers; at the end of an epoch those of
    validation are among them, as ``val_…``. What a hook of an epoch's end adds to `logs`, later callbacks see.

    Overriding a hook of batches makes the training program return to Python after each batch, which small models
    feel. A callback that does not need every batch says so with ``batch_hooks_optional = True``: its hooks are then
    called now and then, with the batch reached and the logs so far.

    Attributes:
        params: ``{"verbose": …, "epochs": …, "steps": …}`` of the running `fit`, `evaluate` or `predict`.
        model: the model in training.
        batch_hooks_optional: whether hooks of batches may be called for some batches only.
        epoch_hooks_deferrable: whether hooks of epochs may be called after later epochs have run; true of recorders
            that look at nothing but `logs`.

    >>> class Print(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"{epoch}: {logs['loss']:.2f}")
    >>> Print().on_epoch_end(0, {"loss": 0.25})
    0: 0.25

    When a run goes on after an interruption (`fit(resume=…)`, `BackupAndRestore`), attributes that hold plain data
    (numbers, texts, arrays, lists and dicts of them) and had changed since `on_train_begin` have their values again. A
    callback with other state has methods ``get_state()``, which returns it as plain data, and ``set_state(state)``;
    these are called instead, the latter after `on_train_begin`, in which ``params["resumed"]`` tells of it.
    """

    batch_hooks_optional: bool = False
    epoch_hooks_deferrable: bool = False

    # On the class, since people's own `__init__` seldom calls this one.
    params: dict[str, Any] | None = None
    _model: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            check_names(cls, kwargs, is_builtin)
        return super().__new__(cls)

    def set_params(self, params: dict[str, Any] | None) -> None:
        """Take the parameters of the run that begins."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model of the run that begins."""
        self._model = model

    @property
    def model(self) -> Any:
        """The model in training; None before a run."""
        return self._model

    # --- batches ----------------------------------------------------------------------------------------------------

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of training."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of training; `logs` holds the metrics over the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of `evaluate`, or of validation within `fit`."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of `evaluate` or validation; `logs` holds the metrics so far."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of `predict`; ``logs["outputs"]`` holds its outputs."""

    # --- epochs and runs --------------------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before an epoch of training."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After an epoch of training and its validation; `logs` holds the metrics of both."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """When `fit` begins."""

    def on_train_end(self, logs: Logs = None) -> None:
        """When `fit` ends; `logs` is that of the last epoch."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """When `evaluate` or validation begins."""

    def on_test_end(self, logs: Logs = None) -> None:
        """When `evaluate` or validation ends, with its metrics."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """When `predict` begins."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """When `predict` ends."""
