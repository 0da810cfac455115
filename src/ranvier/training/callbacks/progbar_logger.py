"""`ProgbarLogger`: the live bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from typing import Any

from ...tools.interactive import print_message
from ...tools.progbar import Progbar
from .callback import Callback, Logs

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """Shows progress and metrics: a bar (``verbose=1``) or a line at the end (``verbose=2``).

    Added by `fit`, `evaluate` and `predict` as their `verbose` says. It shows the metrics as they stand, not an
    average of what it has shown before, and only needs to be told now and then.
    """

    batch_hooks_optional = True

    def __init__(self) -> None:
        self.seen = 0
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self.progbar: Any = None
        self._in_fit = False

    def set_params(self, params: dict[str, Any] | None) -> None:
        """Take verbosity, number of epochs and number of steps."""
        super().set_params(params)
        params = params or {}
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else verbose
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: Logs = None) -> None:
        """From here on, testing is validation and shows no bar of its own."""
        self._in_fit = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Testing is `evaluate` again."""
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Head the epoch and start its bar."""
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")
        self._start()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar."""
        self._move(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Complete the bar, with the metrics of validation."""
        self._complete(logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Start the bar of `evaluate`."""
        if not self._in_fit:
            self._start()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar of `evaluate`."""
        if not self._in_fit:
            self._move(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Complete the bar of `evaluate`."""
        if not self._in_fit:
            self._complete(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Start the bar of `predict`."""
        self._start()

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar of `predict`; outputs are not shown."""
        self._move(batch, None)

    def on_predict_end(self, logs: Logs = None) -> None:
        """Complete the bar of `predict`."""
        self._complete(None)

    def get_state(self) -> dict[str, Any]:
        """The number of steps, which the first epoch may have told."""
        return {"target": self.target}

    def set_state(self, state: dict[str, Any]) -> None:
        """Start a bar: an interrupted epoch has begun already."""
        self.target = state["target"]
        self._start()

    def _start(self) -> Any:
        self.seen = 0
        self.progbar = Progbar(target=self.target, verbose=self.verbose, stateless_metrics=(), unit_name="step")
        return self.progbar

    def _move(self, batch: int, logs: Logs) -> None:
        self.seen = batch + 1
        if self.verbose == 1:
            self._show(self.seen, logs, finalize=False)

    def _complete(self, logs: Logs) -> None:
        bar = self.progbar or self._start()
        # Of a stream without a known length, the first pass tells it.
        target = self.target = bar.target = self.seen if self.target is None else self.target
        self._show(target, logs, finalize=True)

    def _show(self, current: int, logs: Logs, finalize: bool) -> None:
        self.progbar.update(current, list((logs or {}).items()), finalize=finalize)
