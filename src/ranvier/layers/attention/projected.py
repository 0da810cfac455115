"""`ProjectedAttention`: what multi-head and grouped-query attention share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ... import constraints, initializers, regularizers
from ...core.errors import ArgumentError, ShapeError
from ...ops.attending import attend
from ...ops.attention import (
    attention_scores,
    attention_weights,
    dot_product_attention,
    positions_mask,
    weighted_values,
)
from ..base import Layer
from ..checks import positive, rate_between
from ..dropout import Dropout
from ..einsum_dense import EinsumDense

__all__ = ["ProjectedAttention"]


class ProjectedAttention(Layer):
    """Base of attention over projections of query, key and value to several heads.

    Subclasses make the projections in `build` and call `_attend`.
    """

    config_if_changed = frozenset({"flash_attention"})
    config_optional = frozenset()
    _gate_dense: EinsumDense | None = None

    def _keep(
        self,
        *,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        part_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: int | None,
    ) -> None:
        """Keep the constructor's arguments that both layers have."""
        kind = type(self).__name__
        self.dropout = rate_between(kind, "dropout", dropout)
        self.use_bias = use_bias
        self.sliding_window = None if sliding_window is None else positive(kind, "sliding_window", sliding_window)
        self.flash_attention = flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self._part_regularizer = regularizers.get(part_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.use_gate = use_gate
        self.seed = seed
        self.supports_masking = True
        if flash_attention and dropout:
            raise ArgumentError(
                f"{kind}: the fused kernel of flash_attention=True has no dropout. Received: dropout={dropout}"
            )

    def _part(self, name: str, equation: str, output_shape: Any, bias_axes: str) -> EinsumDense:
        """One of the projections."""
        # Seeded initialisers would make equal weights in all parts: each gets a copy of its own.
        part = EinsumDense(
            equation,
            output_shape=output_shape,
            bias_axes=bias_axes if self.use_bias else None,
            kernel_initializer=_copy(self.kernel_initializer),
            bias_initializer=_copy(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._part_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )
        part.supports_masking = True  # masks of query, key and value are this layer's business
        return part

    def _make_dropout(self) -> None:
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy, name="dropout")

    def _mask(self, shapes: tuple[int, int], parts: list[Any], causal: bool) -> Any:
        """What may be seen: all of `parts`, each broadcast to (batch, heads, T, S); None: everything."""
        parts = [p for p in parts if p is not None]
        if causal or self.sliding_window is not None:
            parts.append(positions_mask(*shapes, causal, self.sliding_window))
        if not parts:
            return None
        mask = jnp.asarray(parts[0], "bool")
        for part in parts[1:]:
            mask = mask & jnp.asarray(part, "bool")
        return mask

    def _attend(
        self, query: Any, key: Any, value: Any, mask: Any, scores_too: bool, training: bool | None
    ) -> tuple[Any, Any]:
        """Weighted values, (batch, T, heads, v), and the weights, (batch, heads, T, S), where they were asked for."""
        if self.flash_attention and scores_too:
            raise ArgumentError(
                f"Layer '{self.name}': the fused kernel of flash_attention=True never holds the scores, so "
                "return_attention_scores must be False."
            )
        if not scores_too and not self.dropout and self._plain:
            return dot_product_attention(query, key, value, mask=mask, flash_attention=self.flash_attention), None
        drops = self._dropout_layer if training and self._dropout_layer.seed_generator is not None else None
        rate = 0.0 if drops is None else drops.rate
        same = query.dtype == key.dtype == value.dtype and query.dtype in (jnp.float32, jnp.float64)
        same = same and query.shape[2] == key.shape[2] and not self.flash_attention
        if same and not scores_too and isinstance(rate, (int, float)) and rate < 1:
            seed = None if drops is None else drops.seed_generator.next()  # type: ignore[union-attr]
            return attend(query, key, value, mask, query.shape[-1] ** -0.5, seed, rate, zeros=True), None
        scores = attention_scores(query, key)
        # As in Keras, queries that may look nowhere get zeros here, and the mean of all values above.
        weights = attention_weights(scores, mask, nothing_seen="zeros")
        return weighted_values(self._dropout_layer(weights, training=training), value), weights if scores_too else None

    #: Whether the inputs have one time axis.
    _plain: bool = True

    def _finish(self, query: Any, attended: Any, weights: Any, output_dense: Callable[..., Any]) -> Any:
        """Gate and output projection."""
        if self._gate_dense is not None:
            attended = attended * jax.nn.sigmoid(self._gate_dense(query))
        output = output_dense(attended)
        return output if weights is None else (output, weights)


def check_shapes(layer: Layer, query: Any, value: Any, key: Any) -> None:
    """Refuse value and key that differ in anything but features."""
    if tuple(value[:-1]) != tuple(key[:-1]):
        raise ShapeError(
            f"Layer '{layer.name}': value and key must have the same shape but for the last axis. Received: "
            f"value {tuple(value)}, key {tuple(key)}"
        )
    if len(query) != len(value):
        raise ShapeError(
            f"Layer '{layer.name}': query, value and key must have the same number of axes. Received: query "
            f"{tuple(query)}, value {tuple(value)}"
        )


def _copy(initializer: Any) -> Any:
    make = getattr(type(initializer), "from_config", None)
    return initializer if make is None else make(initializer.get_config())
