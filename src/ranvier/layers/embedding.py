"""Vectors for integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax.core import Tracer

from .. import constraints, initializers, regularizers
from ..core.errors import DataError
from ..core.hints import hint
from ..ops.binary import not_equal
from ..ops.meaning.products import embedding
from .checks import positive
from .lora import LowRank

__all__ = ["Embedding"]


class Embedding(LowRank):
    """A learned vector for each integer.   (batch, ...) int → (batch, ..., output_dim)

    Args:
        input_dim: how many integers there are: from 0 to input_dim − 1.
        output_dim: the vectors' size.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: for the table, (input_dim, output_dim).
        mask_zero: 0 is padding: the outputs carry a mask that later layers heed.
        weights: the table to begin with.
        lora_rank, lora_alpha: r and α of a low-rank addition that is trained in the table's place; see `enable_lora`.
        quantization_config: kept for Keras's files.

    Raises:
        DataError: integers outside the table, where they can be seen: in calls on numbers, and in the data of `fit`.
        Inside compiled programs they give NaN, negative ones count from the end.

    >>> import numpy as np
    >>> Embedding(1000, 8)(np.array([[3, 1, 4]])).shape
    (1, 3, 8)
    """

    # The configuration names activity_regularizer even where it is None.
    config_optional = LowRank.config_optional - {"activity_regularizer"}
    config_excluded = LowRank.config_excluded | {"weights"}
    adapted_weight = "embeddings"

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
        if (length := kwargs.pop("input_length", None)) is not None:
            hint("input_length", "Embedding(input_length=…) is not needed in Keras 3: delete it.")
            kwargs.setdefault("input_shape", (length,))
        super().__init__(**kwargs)
        self.input_dim = positive("Embedding", "input_dim", input_dim)
        self.output_dim = positive("Embedding", "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.quantization_config = quantization_config
        self._set_lora(lora_rank, lora_alpha)
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self._initial_weights = weights if isinstance(weights, list) else [weights]

    def build(self, input_shape: Any = None) -> None:
        """Make the table."""
        self._embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )
        self._enable_lora_if_asked()

    @property
    def embeddings(self) -> Any:
        """The table, with the low-rank addition if there is one."""
        return self._adapted()

    def check_integers(self, inputs: Any, what: str = "inputs") -> None:
        """Refuse integers that are not rows of the table.

        Args:
            inputs: a NumPy or JAX array.
            what: what messages call it.

        Raises:
            DataError: naming the first place and its integer.
        """
        inputs = np.asarray(inputs)
        if inputs.dtype.kind == "f" and (odd := np.argwhere(inputs != np.trunc(inputs))).size:
            place = tuple(int(i) for i in odd[0])
            raise DataError(
                f"Layer '{self.name}' looks up integers. Received: {what}{list(place)} = {inputs[place]} ({len(odd):,} of "
                f"{inputs.size:,} are fractions). Round them, or turn numbers into places with layers.Discretization."
            )
        if inputs.size == 0 or (inputs.min() >= 0 and inputs.max() < self.input_dim):
            return
        places = np.argwhere(~((inputs >= 0) & (inputs < self.input_dim)))
        place = tuple(int(i) for i in places[0])
        raise DataError(
            f"Layer '{self.name}' has vectors for the integers from 0 to {self.input_dim - 1} (input_dim="
            f"{self.input_dim}). Received: {what}{list(place)} = {inputs[place]} ({len(places):,} of {inputs.size:,} "
            "are out of range)."
        )

    def call(self, inputs: Any) -> Any:
        """The vectors of the integers."""
        if not isinstance(inputs, Tracer):
            self.check_integers(inputs)
        vectors = embedding(inputs, self._embeddings.value, self.compute_dtype)
        if self.lora_enabled:
            vectors = vectors + self._through_factors(inputs, embedding)
        return vectors

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Where the integers are not 0, if 0 is padding."""
        return not_equal(inputs, 0) if self.mask_zero else None
