"""Additive attention: Bahdanau et al., 2015."""

from __future__ import annotations

from typing import Any

from ...ops.meaning.attention import additive_scores
from .dot import Attention, two_or_three

__all__ = ["AdditiveAttention"]


class AdditiveAttention(Attention):
    """softmax(Σ scale · tanh(query + key)) · value.   [(batch, T, d), (batch, S, v), (batch, S, d)] → (batch, T, v)

    Args:
        use_scale: whether a trained vector, (d,), weighs the features.
        dropout: the fraction of weights that is dropped in training.

    >>> import numpy as np
    >>> AdditiveAttention()([np.ones((2, 3, 4), "float32"), np.ones((2, 5, 4), "float32")]).shape
    (2, 3, 4)
    """

    config_excluded = Attention.config_excluded | {"score_mode"}

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Make the vector."""
        two_or_three(self, input_shape, "input_shape")
        if self.use_scale:
            self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale")

    def scores(self, query: Any, key: Any) -> Any:
        """How well each key answers each query, (..., T, S)."""
        return additive_scores(query, key, None if self.scale is None else self.scale.value)
