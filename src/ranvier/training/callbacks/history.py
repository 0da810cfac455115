"""`History`: what `fit` returns."""

from __future__ import annotations

from typing import Any

from .callback import Callback, Logs

__all__ = ["History"]


class History(Callback):
    """Records the logs of each epoch; `fit` adds one by itself and returns it.

    Attributes:
        history: for each metric the list of its values, one an epoch.
        epoch: the numbers of the epochs, from 0.

    >>> record = History()
    >>> record.on_train_begin()
    >>> record.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
    >>> record.on_epoch_end(1, {"loss": 0.25, "val_loss": 0.5})
    >>> record.history
    {'loss': [0.5, 0.25], 'val_loss': [0.6, 0.5]}
    """

    epoch_hooks_deferrable = True

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Count epochs anew; a `History` that is used again goes on collecting values."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Record the epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if self.model is not None:
            self.model.history = self
