"""Multi-head attention: Vaswani et al., 2017."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from ... import regularizers
from ...core.errors import ShapeError
from ..checks import axis_or_axes, positive
from ..einsum_dense import EinsumDense
from .projected import ProjectedAttention, check_shapes

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(ProjectedAttention):
    """Attention over several learned projections at once: Vaswani et al., 2017, section 3.2.2.

    head_i = softmax(Q_i K_iᵀ / √key_dim) V_i, with Q_i, K_i and V_i projections of query, key and value; the output is
    a projection of all heads together.   (batch, T, q), (batch, S, v) → (batch, T, q)

    Args:
        num_heads: how many heads there are.
        key_dim: the size of each head's queries and keys.
        value_dim: the size of each head's values; None: `key_dim`.
        dropout: the fraction of weights that is dropped in training.
        use_bias: whether the projections have biases.
        output_shape: the size (or sizes) of the output's features; None: the query's.
        attention_axes: the axes that attend to each other; None: all but the first and the last.
        sliding_window: a query sees only what is fewer than so many places away; None: everything.
        flash_attention: True: a fused kernel, on NVIDIA GPUs; None: whatever is at hand.
        kernel_initializer, bias_initializer: how the projections begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on the projections and their outputs.
        kernel_constraint, bias_constraint: applied to the projections after each update.
        use_gate: whether a projection of the query, through a sigmoid, scales the heads' results: Qiu et al., 2025.
        seed: an integer, for the same dropout in every run.

    >>> import numpy as np
    >>> x = np.ones((2, 5, 8), "float32")
    >>> MultiHeadAttention(num_heads=2, key_dim=4)(x, x).shape
    (2, 5, 8)
    """

    attention_axes: Any
    query_dense: EinsumDense
    key_dense: EinsumDense
    value_dense: EinsumDense

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
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
        super().__init__(**kwargs)
        self.num_heads = positive("MultiHeadAttention", "num_heads", num_heads)
        self.key_dim = positive("MultiHeadAttention", "key_dim", key_dim)
        self.value_dim = positive("MultiHeadAttention", "value_dim", value_dim or key_dim)
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else output_shape and tuple(output_shape)
        axes = attention_axes if attention_axes is None else axis_or_axes(
            "MultiHeadAttention", attention_axes, "attention_axes"
        )  # fmt: skip
        self.attention_axes = (axes,) if isinstance(axes, int) else axes and tuple(axes)
        self._keep(
            dropout=dropout, use_bias=use_bias, sliding_window=sliding_window, flash_attention=flash_attention,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            part_regularizer=activity_regularizer, kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint, use_gate=use_gate, seed=seed,
        )  # fmt: skip

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Make the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        check_shapes(self, query_shape, value_shape, key_shape)
        rank = len(query_shape)
        axes = self.attention_axes or tuple(range(1, rank - 1))
        if not all(0 < a % rank < rank - 1 for a in axes):
            raise ShapeError(
                f"Layer '{self.name}': attention_axes={axes} must lie between the first axis and the last. "
                f"Received: query of shape {tuple(query_shape)}"
            )
        self.attention_axes = tuple(a % rank for a in axes)
        self._plain = rank == 3
        free, letters = "abdefghijk"[: rank - 1], "abdefghijk"[: rank - 1]
        for name, size, wanted in (
            ("query", self.key_dim, True),
            ("key", self.key_dim, True),
            ("gate", self.value_dim, self.use_gate),
            ("value", self.value_dim, True),
        ):
            if wanted:
                shape = (*(None,) * (rank - 2), self.num_heads, size)
                part = self._part(name, f"{letters}x,xyz->{letters}yz", shape, "yz")
                part.build({"query": query_shape, "gate": query_shape, "key": key_shape, "value": value_shape}[name])
                setattr(self, "_gate_dense" if name == "gate" else f"{name}_dense", part)
        self._make_dropout()
        features = self.output_shape or (query_shape[-1],)
        made = "uvwxst"[: len(features)]
        self.output_dense = self._part(
            "attention_output", f"{free}yz,yz{made}->{free}{made}", (*(None,) * (rank - 2), *features), made
        )
        self.output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))

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
        fold = _Folding(query.shape, value.shape, self.attention_axes)
        mask = self._mask(
            (fold.queries, fold.keys),
            [
                None if query_mask is None else fold.query_mask(query_mask),
                None if value_mask is None else fold.value_mask(value_mask),
                None if key_mask is None else fold.value_mask(key_mask),
                None if attention_mask is None else fold.attention_mask(attention_mask),
            ],
            use_causal_mask,
        )
        attended, weights = self._attend(
            fold.inwards(self.query_dense(query)),
            fold.inwards(self.key_dense(key)),
            fold.inwards(self.value_dense(value)),
            mask,
            return_attention_scores,
            training,
        )
        weights = None if weights is None else fold.weights_outwards(weights)
        return self._finish(query, fold.outwards(attended), weights, self.output_dense)

    def _config_value(self, name: str, declared_by: type) -> Any:
        if name == "activity_regularizer":  # the projections have it, the layer itself has none
            return regularizers.get(self._part_regularizer)
        return super()._config_value(name, declared_by)


class _Folding:
    """Axes that attend become one time axis, the others one batch axis, and back.

    Args:
        query_shape, value_shape: (batch, ..., features).
        axes: the axes that attend.
    """

    def __init__(self, query_shape: tuple[int, ...], value_shape: tuple[int, ...], axes: tuple[int, ...]):
        rank = len(query_shape)
        others = tuple(a for a in range(rank - 1) if a not in axes)
        self.plain = rank == 3
        self.order = (*others, *axes)
        self.batch = tuple(query_shape[a] for a in others)
        self.query_sizes, self.value_sizes = (tuple(s[a] for a in axes) for s in (query_shape, value_shape))
        self.queries, self.keys = math.prod(self.query_sizes), math.prod(self.value_sizes)

    def inwards(self, x: Any) -> Any:
        """(batch, ..., heads, features) → (all batches, all times, heads, features)"""
        if self.plain:
            return x
        x = x.transpose(*self.order, x.ndim - 2, x.ndim - 1)
        return x.reshape(math.prod(self.batch), -1, *x.shape[-2:])

    def outwards(self, x: Any) -> Any:
        """The way back, for results shaped like the query."""
        if self.plain:
            return x
        x = x.reshape(*self.batch, *self.query_sizes, *x.shape[-2:])
        back = sorted(range(len(self.order)), key=self.order.__getitem__)
        return x.transpose(*back, x.ndim - 2, x.ndim - 1)

    def weights_outwards(self, weights: Any) -> Any:
        """(all batches, heads, T, S) → (batches, heads, times of queries, times of values)"""
        if self.plain:
            return weights
        return weights.reshape(*self.batch, weights.shape[1], *self.query_sizes, *self.value_sizes)

    def query_mask(self, mask: Any) -> Any:
        """(batch, ...) like the query without features → (all batches, 1, T, 1)"""
        mask = jnp.asarray(mask, "bool")
        return (mask if self.plain else self._flat(mask, self.query_sizes))[:, None, :, None]

    def value_mask(self, mask: Any) -> Any:
        """(batch, ...) like the value without features → (all batches, 1, 1, S)"""
        mask = jnp.asarray(mask, "bool")
        return (mask if self.plain else self._flat(mask, self.value_sizes))[:, None, None, :]

    def _flat(self, mask: Any, sizes: tuple[int, ...]) -> Any:
        if mask.ndim != len(self.order):
            raise ShapeError(
                f"A mask must have the shape of what it masks without features, {len(self.order)} axes. "
                f"Received: shape {mask.shape}"
            )
        return mask.transpose(self.order).reshape(-1, math.prod(sizes))

    def attention_mask(self, mask: Any) -> Any:
        """(batches, heads, times, times), batches and heads missing where they do not matter → 4 axes"""
        mask = jnp.asarray(mask, "bool")
        times = 2 * len(self.query_sizes)
        full = len(self.batch) + 1 + times
        if not times <= mask.ndim <= full:
            raise ShapeError(f"attention_mask must have {times} to {full} axes. Received: shape {mask.shape}")
        while mask.ndim < full:
            mask = jnp.expand_dims(mask, -times - 1)
        if self.plain:
            return mask
        heads = mask.shape[len(self.batch)]
        mask = jnp.broadcast_to(mask, (*self.batch, heads, *self.query_sizes, *self.value_sizes))
        return mask.reshape(math.prod(self.batch), heads, self.queries, self.keys)
