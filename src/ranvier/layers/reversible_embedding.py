"""An embedding that also goes back, from vectors to scores of all integers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core.dtypes import standardize_dtype
from ..core.errors import ArgumentError
from ..ops.elementwise import tanh
from ..ops.meaning.products import dense
from ..ops.meaning.shaping import transpose
from .embedding import Embedding

__all__ = ["ReversibleEmbedding"]


class ReversibleEmbedding(Embedding):
    """Vectors for integers, and with ``reverse=True`` logits of all integers for vectors: Press & Wolf, 2017.

    Args:
        input_dim: how many integers there are.
        output_dim: the vectors' size.
        tie_weights: whether the way back uses the same table; otherwise one of its own, (output_dim, input_dim).
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: for the table, (input_dim, output_dim).
        mask_zero: 0 is padding.
        reverse_dtype: the dtype of the way back; None: the compute dtype.
        logit_soft_cap: c of c · tanh(logit / c), which bounds the logits; None: unbounded.

    >>> import numpy as np
    >>> layer = ReversibleEmbedding(1000, 8)
    >>> layer(layer(np.array([[3, 1, 4]])), reverse=True).shape
    (1, 3, 1000)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        if logit_soft_cap is not None and not logit_soft_cap > 0:
            raise ArgumentError(f"logit_soft_cap must be positive. Received: logit_soft_cap={logit_soft_cap!r}")
        self.tie_weights = tie_weights
        self.reverse_dtype = None if reverse_dtype is None else standardize_dtype(reverse_dtype)
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        """Make the table, and the one of the way back."""
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings"
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        """Vectors of integers; with `reverse`, (..., output_dim) → logits, (..., input_dim)."""
        if not reverse:
            return super().call(inputs)
        dtype = self.reverse_dtype or self.compute_dtype
        inputs = jnp.asarray(inputs, dtype)
        if self.tie_weights:
            table = self.embeddings
            table = table if isinstance(table, jax.Array) else table.value
            logits = dense(inputs, transpose(table.astype(dtype), (1, 0)))
        else:
            logits = dense(inputs, self.reverse_embeddings.value.astype(dtype))
        return logits if self.logit_soft_cap is None else self.logit_soft_cap * tanh(logits / self.logit_soft_cap)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where the integers are not 0, if 0 is padding; logits have no mask."""
        return super().compute_mask(inputs, mask) if jnp.issubdtype(inputs.dtype, jnp.integer) else None
