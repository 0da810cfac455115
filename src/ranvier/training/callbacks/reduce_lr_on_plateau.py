"""`ReduceLROnPlateau`: a smaller learning rate when a metric no longer improves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.argument_names import no_argument
from ...core.errors import ArgumentError
from ...tools.interactive import print_message
from .callback import Logs
from .checks import count, finite, verbosity
from .learning_rates import learning_rate_of, rated_optimizers, set_learning_rate
from .monitor import MonitorCallback

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` when a metric has not improved for `patience` epochs.

    The logs tell the learning rate of each epoch as ``learning_rate``.

    Args:
        monitor: the metric's name in the logs.
        factor: new learning rate = old · factor; at least 0 and below 1.
        patience: epochs without improvement after which the rate is reduced.
        verbose: 1: print each reduction.
        mode: ``"min"``, ``"max"``, or ``"auto"``: whether less or more of the metric is better.
        min_delta: how much better a value must be to count as an improvement.
        cooldown: epochs after a reduction in which patience does not run.
        min_lr: the learning rate never falls below it.

    Attributes:
        best: the best value so far.
        wait: epochs since the last improvement or reduction.
        cooldown_counter: epochs of cooling that remain.

    Raises:
        ArgumentError: a factor of 1 or more, negative counts, an unknown mode or argument.

    >>> import ranvier
    >>> ranvier.callbacks.ReduceLROnPlateau(factor=0.2, patience=5, min_lr=0.001).in_cooldown()
    False
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ):
        if kwargs:
            known = ("monitor", "factor", "patience", "verbose", "mode", "min_delta", "cooldown", "min_lr")
            raise ArgumentError(no_argument("ReduceLROnPlateau", kwargs, known))
        super().__init__(monitor, mode, min_delta)
        if finite("factor", factor, least=0) >= 1:
            raise ArgumentError(f"factor must be below 1, or the rate would not fall. Received: factor={factor!r}")
        self.factor = factor
        self.min_lr = finite("min_lr", min_lr, least=0)
        self.patience = count("patience", patience)
        self.cooldown = count("cooldown", cooldown)
        self.verbose = verbosity(verbose)
        self._forget()

    def _forget(self) -> None:
        self.best = None
        self.wait = self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether a reduction is so recent that patience does not run."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start afresh."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the epoch with the best; reduce the learning rate when patience is at its end."""
        logs = {} if logs is None else logs
        current = self._current(logs, "Learning rate reduction is conditioned on")
        for suffix, optimizer in rated_optimizers(self.model):
            logs[f"learning_rate{suffix}"] = learning_rate_of(optimizer)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        for _, optimizer in rated_optimizers(self.model):
            rate = learning_rate_of(optimizer)
            # In float32, as optimizers keep it: a rate already at min_lr must not look larger than it.
            if np.float32(rate) <= np.float32(self.min_lr):
                continue
            rate = max(rate * self.factor, self.min_lr)
            set_learning_rate(optimizer, rate)
            if self.verbose:
                print_message(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
            self.cooldown_counter = self.cooldown
            self.wait = 0
