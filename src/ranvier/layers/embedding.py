"""Vectors for integers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .. import constraints, initializers, regularizers
from .base import Layer
from .checks import positive, refuse_lora

__all__ = ["Embedding"]


class Embedding(Layer):
    """A learned vector for each integer.   (batch, ...) int → (batch, ..., output_dim)

    Args:
        input_dim: how many integers there are: from 0 to input_dim − 1.
        output_dim: the vectors' size.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: for the table, (input_dim, output_dim).
        mask_zero: 0 is padding: the outputs carry a mask that later layers heed.
        weights: the table to begin with.
        lora_rank, lora_alpha: only None; low-rank updates are not a matter of the layer.
        quantization_config: kept for Keras's files.

    >>> import numpy as np
    >>> Embedding(1000, 8)(np.array([[3, 1, 4]])).shape
    (1, 3, 8)
    """

    config_optional = frozenset()  # the configuration names activity_regularizer even where it is None
    config_excluded = Layer.config_excluded | {"weights", "lora_rank", "lora_alpha"}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        refuse_lora("Embedding", lora_rank, lora_alpha)
        if (length := kwargs.pop("input_length", None)) is not None:
            kwargs.setdefault("input_shape", (length,))
        super().__init__(**kwargs)
        self.input_dim = positive("Embedding", "input_dim", input_dim)
        self.output_dim = positive("Embedding", "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.quantization_config = quantization_config
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self._initial_weights = weights if isinstance(weights, list) else [weights]

    def build(self, input_shape: Any = None) -> None:
        """Make the table."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )

    def call(self, inputs: Any) -> Any:
        """The vectors of the integers."""
        table = self.embeddings.value.astype(self.compute_dtype)
        return jnp.take(table, jnp.asarray(inputs, "int32"), axis=0)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where the integers are not 0, if 0 is padding."""
        return jnp.not_equal(inputs, 0) if self.mask_zero else None
