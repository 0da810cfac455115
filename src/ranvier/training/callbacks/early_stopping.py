"""`EarlyStopping`: stop when a metric no longer improves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tools.interactive import print_message
from .callback import Logs
from .checks import count, finite, verbosity
from .monitor import MonitorCallback

__all__ = ["EarlyStopping"]


class EarlyStopping(MonitorCallback):
    """Stop training when a metric has not improved for `patience` epochs.

    Args:
        monitor: the metric's name in the logs.
        min_delta: how much better a value must be to count as an improvement.
        patience: epochs without improvement after which training stops.
        verbose: 1: say so when it happens.
        mode: ``"min"``, ``"max"``, or ``"auto"``: whether less or more of the metric is better.
        baseline: patience runs as long as the metric is not better than this.
        restore_best_weights: at the end of training, give the model the weights of its best epoch.
        start_from_epoch: epochs to let pass before watching.

    Attributes:
        best: the best value so far.
        best_epoch: the epoch (from 0) that gave it.
        best_weights: NumPy copies of the weights then, if they are to be restored.
        wait: epochs since the last improvement.
        stopped_epoch: the epoch that training stopped after; 0 if it did not.

    Raises:
        ArgumentError: a negative patience, an unknown mode, or (at the end of the first epoch) a metric of which
            mode "auto" cannot tell the direction.

    Reference: Prechelt, Early Stopping — But When?, 1998.

    >>> import ranvier
    >>> ranvier.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True).patience
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience = count("patience", patience)
        self.verbose = verbosity(verbose)
        self.baseline = None if baseline is None else finite("baseline", baseline)
        self.restore_best_weights = bool(restore_best_weights)
        self.start_from_epoch = count("start_from_epoch", start_from_epoch)
        self._forget()

    def _forget(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights: list[np.ndarray] | None = None

    def get_monitor_value(self, logs: dict[str, Any]) -> Any:
        """The monitored metric in `logs`; None, with a warning, where it is absent."""
        return self._current(logs, "Early stopping conditioned on")

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start afresh."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the epoch with the best; stop when patience is at its end."""
        current = self.get_monitor_value(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._improves(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = [np.array(w) for w in self.model.get_weights()]
            if self.baseline is None or self._improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Restore the best weights, if that was asked for."""
        if self.stopped_epoch > 0 and self.verbose:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print_message(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
