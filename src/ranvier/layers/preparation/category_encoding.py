"""Category numbers as vectors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jax.core import Tracer

from ...core.errors import ArgumentError, DataWarning
from ..checks import positive
from .encoding import check_mode, encode
from .host import DatasetLayer

__all__ = ["CategoryEncoding"]


class CategoryEncoding(DatasetLayer):
    """Category numbers as one-hot, multi-hot or count vectors.   (…, n) int → (…, num_tokens)

    Args:
        num_tokens: how many categories there are: 0 to num_tokens − 1.
        output_mode: ``"one_hot"``: a vector for each number; ``"multi_hot"``: 1 for each number that occurs along the
            last axis; ``"count"``: how often it occurs.
        sparse: whether the layer, called by itself on an array, gives a BCOO matrix; inside a model it is dense.

    >>> import numpy as np
    >>> CategoryEncoding(3)(np.array([[0, 1], [2, 2]])).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    config_if_changed = frozenset({"sparse"})

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.output_mode = {"binary": "multi_hot"}.get(output_mode, output_mode)
        check_mode("CategoryEncoding", self.output_mode, ("count", "one_hot", "multi_hot"))
        if num_tokens is None:
            raise ArgumentError(
                "CategoryEncoding: num_tokens must be given. Where the number of categories is not known beforehand, "
                "use IntegerLookup."
            )
        self.num_tokens = positive("CategoryEncoding", "num_tokens", num_tokens)
        self.sparse = sparse
        self.autocast = False

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        """The vectors; `count_weights` (in the shape of the inputs) say what each number counts."""
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(
                f"Layer '{self.name}': count_weights are for output_mode='count'; it is {self.output_mode!r}."
            )
        if not isinstance(inputs, Tracer) and np.size(inputs):
            inputs = np.asarray(inputs)
            low, high = int(inputs.min()), int(inputs.max())
            if low < 0 or high >= self.num_tokens:
                warnings.warn(
                    f"Layer '{self.name}' takes numbers from 0 to {self.num_tokens - 1}; numbers outside become zero "
                    f"vectors. Received: numbers from {low} to {high}",
                    DataWarning,
                    stacklevel=2,
                )
        return encode(inputs, self.output_mode, self.num_tokens, self.dtype, count_weights)
