"""`TerminateOnNaN`: no further training of a model whose loss is no number any more."""

from __future__ import annotations

import math
from typing import Any

from ...core.errors import DivergenceError
from ...tools.interactive import print_message
from .callback import Callback, Logs

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Stop training when the loss becomes NaN or infinite.

    The loss in the logs is the mean over the epoch so far, which no later batch mends; so it need not be looked at
    after each batch, and training keeps its full speed.

    Args:
        raise_error: raise instead of ending `fit` in the ordinary way.

    Raises:
        DivergenceError: the loss is NaN or infinite and `raise_error` is set.

    >>> TerminateOnNaN(raise_error=True).on_train_batch_end(3, {"loss": float("nan")})
    Traceback (most recent call last):
    ranvier.core.errors.DivergenceError: The loss is nan at batch 3. ...
    """

    batch_hooks_optional = True

    def __init__(self, raise_error: bool = False):
        self.raise_error = bool(raise_error)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss so far."""
        self._check((logs or {}).get("loss"), f"Batch {batch}", f"at batch {batch}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look at the epoch's loss, unless training is ending already."""
        if not getattr(self.model, "stop_training", False):
            self._check((logs or {}).get("loss"), f"Epoch {epoch + 1}", f"in epoch {epoch + 1}")

    def _check(self, loss: Any, when: str, where: str) -> None:
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise DivergenceError(
                f"The loss is {loss} {where}. Usual causes: a learning rate that is too high, unscaled inputs, or NaN "
                "in the data."
            )
        print_message(f"{when}: Invalid loss, terminating training")
        self.model.stop_training = True
