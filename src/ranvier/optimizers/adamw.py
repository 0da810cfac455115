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
        name: str = "adamw",
        **kwargs: Any,
    ):
        if weight_decay is None:
            raise ArgumentError(
                "weight_decay must be a number: without decay AdamW is Adam. Received: weight_decay=None"
            )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, name=name, weight_decay=weight_decay, **kwargs
        )
