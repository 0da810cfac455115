"""`ModelCheckpoint`: save the model, or its weights, while it trains."""

from __future__ import annotations

import os
from typing import Any

from ...core.errors import ArgumentError
from ...tools.interactive import print_message
from ..spec import check_count
from .callback import Logs
from .checks import finite, verbosity
from .monitor import MonitorCallback

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(MonitorCallback):
    """Save the model after each epoch, or every so many batches, or whenever it is the best so far.

    A file that is replaced stays whole until the new one is.

    Args:
        filepath: where to: a path that ends in ``.keras`` (or ``.h5``), or in ``.weights.h5`` for weights only. ``{epoch}``,
            counted from 1, ``{batch}`` and the names in the logs are filled in, as in ``"{epoch:02d}-{val_loss:.2f}.keras"``.
            Folders are made.
        monitor: the metric's name in the logs, for `save_best_only`.
        verbose: 1: say so at each save.
        save_best_only: save only when `monitor` has improved.
        save_weights_only: save weights instead of the model.
        mode: ``"min"``, ``"max"`` or ``"auto"``: whether less or more of the metric is better.
        save_freq: ``"epoch"``, or a number of batches.
        initial_value_threshold: the value to beat at the start.

    Attributes:
        best: the best value so far, or None.

    Raises:
        ArgumentError: a path with another ending, or with a name that the logs do not have (when it is saved).

    >>> import ranvier
    >>> ranvier.callbacks.ModelCheckpoint("best.keras", save_best_only=True).filepath
    'best.keras'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ):
        threshold = initial_value_threshold
        super().__init__(
            monitor, mode, best=None if threshold is None else finite("initial_value_threshold", threshold)
        )
        self.filepath = os.fspath(filepath)
        weights = self.filepath.endswith(".weights.h5")
        if save_weights_only and not weights:
            raise ArgumentError(
                f"With save_weights_only=True, filepath must end in '.weights.h5'. Received: filepath={self.filepath!r}"
            )
        if not save_weights_only and (weights or not self.filepath.endswith((".keras", ".h5"))):
            hint = ", or pass save_weights_only=True" if weights else ""
            raise ArgumentError(f"filepath must end in '.keras' (or '.h5'){hint}. Received: filepath={self.filepath!r}")
        if save_freq != "epoch":
            if isinstance(save_freq, str):
                raise ArgumentError(f"save_freq must be 'epoch' or a number of batches. Received: {save_freq=}")
            check_count("save_freq", save_freq, optional=False)
        self.verbose = verbosity(verbose)
        self.save_best_only = bool(save_best_only)
        self.save_weights_only = bool(save_weights_only)
        self.save_freq = save_freq
        self.batch_hooks_optional = save_freq == "epoch"  # otherwise every batch counts
        self._epoch = 0
        self._seen = 0  # batches since the last save
        self._last_batch = -1

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save after every `save_freq` batches."""
        if self.save_freq == "epoch":
            return
        self._seen += batch - self._last_batch
        self._last_batch = batch
        if self._seen >= self.save_freq:  # type: ignore[operator]
            self._seen = 0
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        reason = ""
        if self.save_best_only:
            current = self._current(logs, "Can save the best model only by its")
            if current is not None:
                if not self._improves(current, self.best):
                    if self.verbose:
                        print_message(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                    return
                before = "None" if self.best is None else f"{self.best:.5f}"
                reason = f"{self.monitor} improved from {before} to {current:.5f}, "
                self.best = current
        if self.verbose:
            print_message(f"\nEpoch {epoch + 1}: {reason}saving model to {path}")
        if os.path.isdir(path):
            raise ArgumentError(f"filepath must name a file, but {path!r} is a folder.")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)
        if self.verbose:
            print_message(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        values: dict[str, Any] = {**(logs or {}), "epoch": epoch + 1}
        if batch is not None:
            values["batch"] = batch + 1
        try:
            return self.filepath.format(**values)
        except KeyError as error:
            raise _UnknownNameError(
                f"filepath={self.filepath!r} asks for {error}, which is not there. There are: {', '.join(values)}"
            ) from None


class _UnknownNameError(ArgumentError, KeyError):
    """Keras raises a KeyError here."""

    __str__ = Exception.__str__
