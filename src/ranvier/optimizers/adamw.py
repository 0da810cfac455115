"""AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentError
from .adam import Adam

__all__ = ["AdamW"]


class AdamW(Adam):
    """Adam, and each step shrinks the weights by η · weight_decay: Loshchilov & Hutter, 2019.

    Args:
        learning_rate: η, a number or schedule.
        weight_decay: the decay; not None.
        beta_1, beta_2, epsilon, amsgrad: as in `Adam`.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if weight_decay is None:
            raise ArgumentError(
                "weight_decay must be a number: without decay AdamW is Adam. Received: weight_decay=None"
            )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm,
            use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name,
            **kwargs,
        )  # fmt: skip
