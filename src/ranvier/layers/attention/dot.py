"""Attention of one head without projections: Luong et al., 2015."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError, ArgumentTypeError
from ...ops.attention import attention_weights, positions_mask
from ...ops.meaning.attention import concat_scores, dot_scores, matmul, zero_unmasked
from ..base import Layer
from ..checks import rate_between
from ..dropout import Dropout

__all__ = ["Attention", "two_or_three"]


class Attention(Layer):
    """softmax(scores of query and key) · value.   [(batch, T, d), (batch, S, v), (batch, S, d)] → (batch, T, v)

    The inputs are ``[query, value]`` or ``[query, value, key]``; without a key, the value is the key.

    Args:
        use_scale: whether a trained scalar multiplies the scores.
        score_mode: ``"dot"``: query · key; ``"concat"``: c · Σ tanh(scale · (query + key)) with a trained scalar c.
        dropout: the fraction of weights that is dropped in training.
        seed: an integer, for the same dropout in every run.

    >>> import numpy as np
    >>> Attention()([np.ones((2, 3, 4), "float32"), np.ones((2, 5, 4), "float32")]).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(f"score_mode must be 'dot' or 'concat'. Received: score_mode={score_mode!r}")
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = rate_between(type(self).__name__, "dropout", dropout)
        self.seed = seed
        self._dropout_layer = Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="dropout")
        self.scale = None
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make the scalars that were asked for."""
        two_or_three(self, input_shape, "input_shape")
        self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def scores(self, query: Any, key: Any) -> Any:
        """How well each key answers each query, (..., T, S)."""
        scale = None if self.scale is None else self.scale.value
        if self.score_mode == "dot":
            return dot_scores(query, key, scale)
        assert self.concat_score_weight is not None
        return concat_scores(query, key, self.concat_score_weight.value, scale)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """The weighted values.

        Args:
            inputs: ``[query, value]`` or ``[query, value, key]``.
            mask: ``[query mask, value mask]``, each (batch, time) or None: values that the mask lacks are not seen,
                queries that it lacks get zeros.
            training: whether weights are dropped.
            return_attention_scores: return the weights, (batch, T, S), too.
            use_causal_mask: a query sees no values after its own place.
        """
        query, value, key = two_or_three(self, inputs, "inputs")
        query_mask, value_mask = _masks(self, mask)
        seen = None if value_mask is None else jnp.asarray(value_mask, "bool")[..., None, :]
        if use_causal_mask:
            causal = positions_mask(query.shape[-2], key.shape[-2], causal=True)
            seen = causal if seen is None else seen & causal
        weights = attention_weights(self.scores(query, key), seen)
        weights = self._dropout_layer(weights, training=training)
        result = matmul(weights, value)
        if query_mask is not None:
            result = zero_unmasked(result, query_mask)
        return (result, weights) if return_attention_scores else result

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The query's mask."""
        _masks(self, mask)
        return None if mask is None or mask[0] is None else mask[0]


def two_or_three(layer: Attention, inputs: Any, what: str) -> Any:
    """Query, value and key."""
    kind = type(layer).__name__
    if not isinstance(inputs, (list, tuple)):
        raise ArgumentTypeError(
            f"{kind} takes a list, [query, value] or [query, value, key]. Received: {what} of type "
            f"{type(inputs).__name__}"
        )
    if what == "input_shape" and not all(isinstance(shape, (list, tuple)) for shape in inputs):
        raise ArgumentTypeError(
            f"{kind} takes a list, [query, value] or [query, value, key]. Received: one of shape {inputs}"
        )
    if len(inputs) not in (2, 3):
        raise ArgumentError(
            f"{kind} takes [query, value] or [query, value, key]. Received: a list of {len(inputs)} {what}"
        )
    return (*inputs, inputs[1])[:3]


def _masks(layer: Attention, mask: Any) -> Any:
    """The masks of query and value."""
    if mask is None:
        return None, None
    if not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3):
        raise ArgumentError(
            f"Layer '{layer.name}' takes mask=[query mask, value mask], None for what has none. Received: "
            + (f"a list of {len(mask)}" if isinstance(mask, (list, tuple)) else f"a {type(mask).__name__}")
        )
    return mask[:2]
