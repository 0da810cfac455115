"""Grouped-query attention: Ainslie et al., 2023."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ... import regularizers
from ...core.errors import ArgumentError, ShapeError
from ..checks import positive
from ..einsum_dense import EinsumDense
from .projected import ProjectedAttention, check_shapes

__all__ = ["GroupedQueryAttention"]


class GroupedQueryAttention(ProjectedAttention):
    """Multi-head attention in which several query heads share a head of keys and values: Ainslie et al., 2023.

    (batch, T, q), (batch, S, v) → (batch, T, q)

    Args:
        head_dim: the size of each head.
        num_query_heads: how many heads the queries have.
        num_key_value_heads: how many heads keys and values have; it divides `num_query_heads`.
        dropout: the fraction of weights that is dropped in training.
        use_bias: whether the projections have biases.
        sliding_window: a query sees only what is fewer than so many places away; None: everything.
        flash_attention: True: a fused kernel, on NVIDIA GPUs; None: whatever is at hand.
        kernel_initializer, bias_initializer: how the projections begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on the projections and their outputs.
        kernel_constraint, bias_constraint: applied to the projections after each update.
        use_gate: whether a projection of the query, through a sigmoid, scales the heads' results: Qiu et al., 2025.
        seed: an integer, for the same dropout in every run.

    >>> import numpy as np
    >>> x = np.ones((2, 5, 8), "float32")
    >>> GroupedQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(x, x).shape
    (2, 5, 8)
    """

    keras_name = "GroupQueryAttention"
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.head_dim = positive("GroupedQueryAttention", "head_dim", head_dim)
        self.num_query_heads = positive("GroupedQueryAttention", "num_query_heads", num_query_heads)
        self.num_key_value_heads = positive("GroupedQueryAttention", "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ArgumentError(
                "num_key_value_heads must divide num_query_heads. Received: "
                f"num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        self._keep(
            dropout=dropout, use_bias=use_bias, sliding_window=sliding_window, flash_attention=flash_attention,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            part_regularizer=regularizers.get(activity_regularizer), kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint, use_gate=use_gate, seed=seed,
        )  # fmt: skip

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Make the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        check_shapes(self, query_shape, value_shape, key_shape)
        if len(query_shape) != 3:
            raise ShapeError(
                f"Layer '{self.name}' takes (batch, time, features). Received: query of shape {tuple(query_shape)}"
            )
        for name, shape, heads, wanted in (
            ("query", query_shape, self.num_query_heads, True),
            ("key", key_shape, self.num_key_value_heads, True),
            ("gate", query_shape, self.num_query_heads, self.use_gate),
            ("value", value_shape, self.num_key_value_heads, True),
        ):
            if wanted:
                part = self._part(name, "btx,xyz->btyz", (None, heads, self.head_dim), "yz")
                part.build(shape)
                setattr(self, f"_{name}_dense", part)
        self._make_dropout()
        self._output_dense = self._part("attention_output", "btyz,yzx->btx", (None, query_shape[-1]), "x")
        self._output_dense.build((*query_shape[:2], self.num_query_heads, self.head_dim))

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """What the heads found.

        Args:
            query: (batch, T, q).
            value: (batch, S, v).
            key: (batch, S, k); None: the value.
            query_mask: (batch, T), False where a query looks for nothing.
            value_mask, key_mask: (batch, S), True where there is something to see.
            attention_mask: (batch, T, S), True where a query may look; or with an axis of heads, or without the batch.
            return_attention_scores: return the weights, (batch, heads, T, S), too.
            training: whether weights are dropped.
            use_causal_mask: a query sees nothing after its own place.
        """
        key = value if key is None else key
        if attention_mask is not None:
            attention_mask = jnp.asarray(attention_mask, "bool")
            attention_mask = attention_mask[:, None] if attention_mask.ndim == 3 else attention_mask
        mask = self._mask(
            (query.shape[1], key.shape[1]),
            [
                None if query_mask is None else jnp.asarray(query_mask, "bool")[:, None, :, None],
                None if value_mask is None else jnp.asarray(value_mask, "bool")[:, None, None, :],
                None if key_mask is None else jnp.asarray(key_mask, "bool")[:, None, None, :],
                attention_mask,
            ],
            use_causal_mask,
        )
        attended, weights = self._attend(
            self._query_dense(query), self._key_dense(key), self._value_dense(value), mask, return_attention_scores,
            training,
        )  # fmt: skip
        return self._finish(query, attended, weights, self._output_dense)
