"""`SwapEMAWeights`: test and save with the moving average of the weights, train with the weights themselves."""

from __future__ import annotations

from typing import Any

from ...core.errors import ArgumentError
from .callback import Callback, Logs

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Put the optimizer's moving average of the weights in their place while the model is tested or predicts.

    The optimizer must keep one, with ``use_ema=True``. At the end of training the average stays in the model, as
    always with ``use_ema``.

    Args:
        swap_on_epoch: put the average in place between epochs too, so that callbacks after this one, such as those
            that save the model, see it.

    Raises:
        ArgumentError: the optimizer keeps no average.

    Reference: Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992.

    >>> import ranvier
    >>> optimizer = ranvier.optimizers.SGD(0.1, use_ema=True)
    >>> hooks = [ranvier.callbacks.SwapEMAWeights()]
    """

    def __init__(self, swap_on_epoch: bool = False):
        self.swap_on_epoch = bool(swap_on_epoch)
        self.epoch_hooks_deferrable = not self.swap_on_epoch
        self._kept: list[tuple[Any, Any]] = []

    def _put_average(self) -> None:
        """The average takes the weights' place; they are kept."""
        optimizer: Any = getattr(self.model, "optimizer", None)
        if not _keeps_average(optimizer):
            raise ArgumentError(
                f"SwapEMAWeights needs an optimizer that keeps an average: use_ema=True. Received: {optimizer!r}"
            )
        if not self._kept:
            pairs = optimizer.averaged_weights()
            self._kept = [(weight, weight.numpy()) for weight, _ in pairs]
            for weight, average in pairs:
                weight.assign(average)

    def _put_weights_back(self) -> None:
        for weight, value in self._kept:
            weight.assign(value)
        self._kept = []

    def get_state(self) -> list[Any]:
        """The weights themselves, where the average is in their place."""
        return [value for _, value in self._kept]

    def set_state(self, state: list[Any]) -> None:
        """Keep weights that were kept."""
        pairs = self.model.optimizer.averaged_weights() if state else []
        self._kept = [(weight, value) for (weight, _), value in zip(pairs, state, strict=True)]

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget what an interrupted run may have left."""
        self._kept = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Go on training the weights themselves."""
        if self.swap_on_epoch:
            self._put_weights_back()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Show the average to the callbacks that follow."""
        if self.swap_on_epoch:
            self._put_average()

    def on_train_end(self, logs: Logs = None) -> None:
        """The average is in place for good."""
        self._kept = []

    def on_test_begin(self, logs: Logs = None) -> None:
        """Test the average."""
        self._put_average()

    def on_test_end(self, logs: Logs = None) -> None:
        """Go back to the weights."""
        self._put_weights_back()

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Predict with the average."""
        self._put_average()

    def on_predict_end(self, logs: Logs = None) -> None:
        """Go back to the weights."""
        self._put_weights_back()


def _keeps_average(optimizer: Any) -> bool:
    return bool(getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False))
