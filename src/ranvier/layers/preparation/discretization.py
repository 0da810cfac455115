"""Numbers put into bins."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.budgets import check_table
from ...core.errors import ArgumentError, DataError, NotBuiltError
from ...core.pure import current_scope
from ...ops.shaping import digitize
from ..checks import positive
from .encoding import check_mode, encode
from .host import DatasetLayer
from .streams import batches

__all__ = ["Discretization"]


class Discretization(DatasetLayer):
    """The number of the bin in which a number lies, or a vector for it.   (…) → (…) int32

    Bin i holds the numbers from boundary i − 1 (included) to boundary i (not included).

    Args:
        bin_boundaries: the boundaries in their order; n boundaries make n + 1 bins.
        num_bins: instead: how many bins `adapt` shall make, each with about as many of the data's numbers.
        epsilon: how exactly `adapt` keeps a batch's distribution: as about 1 / epsilon numbers.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"`` or ``"count"``; see `CategoryEncoding`.
        sparse: whether the layer, called by itself on an array, gives a BCOO matrix; inside a model it is dense.
        dtype: a dtype or dtype policy.
        name: the layer's name.

    >>> import numpy as np
    >>> Discretization([0.0, 1.0])(np.array([-1.0, 0.0, 0.5, 7.0])).tolist()
    [0, 1, 1, 2]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.output_mode = check_mode("Discretization", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if sparse and output_mode == "int":
            raise ArgumentError("Discretization: sparse=True needs an output_mode other than 'int'.")
        if num_bins is not None and bin_boundaries is not None:
            raise ArgumentError(
                "Discretization takes num_bins or bin_boundaries, not both. Received: "
                f"num_bins={num_bins!r}, bin_boundaries={bin_boundaries!r}"
            )
        if num_bins is None and bin_boundaries is None:
            raise ArgumentError("Discretization needs num_bins (and then adapt), or bin_boundaries.")
        if not isinstance(epsilon, (int, float)) or not 0 < epsilon <= 1:
            raise ArgumentError(f"Discretization: epsilon must lie above 0, up to 1. Received: epsilon={epsilon!r}")
        self.num_bins = None if num_bins is None else positive("Discretization", "num_bins", num_bins, 0)
        self.epsilon = epsilon
        self.sparse = sparse
        self.bin_boundaries = None if bin_boundaries is None else _boundaries(bin_boundaries)
        self.reset_state()

    @property
    def output_dtype(self) -> str:
        """int32, or the compute dtype of vectors."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Choose boundaries so that about as many numbers of the data lie in each bin.

        Args:
            data: an array, or an iterable of batches: a generator, tf.data, `PyDataset`.
            steps: how many batches to read; None: all.
        """
        if self.num_bins is None:
            raise ArgumentError(f"Layer '{self.name}' was given bin_boundaries, so there is nothing to adapt.")
        self.reset_state()
        for batch in batches(data, steps):
            self.update_state(batch)
        if not self.summary.size:
            raise DataError(
                f"Layer '{self.name}': there is nothing to adapt to. Received: data without a single number"
            )
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take a batch's numbers into account."""
        values = np.sort(np.asarray(data, "float32").ravel())
        if values.size == 0:
            return
        if np.isnan(values[-1]):
            raise DataError(
                f"Layer '{self.name}': NaN lies in no bin. Take those samples out, or put numbers in their place."
            )
        step = max(len(values) * self.epsilon, 1.0)  # every step-th number stands for those before it
        values = values[int(step) - 1 :: int(step)]
        new = np.stack([values, np.full(len(values), np.float32(step), "float32")])
        self.summary = _thinned(np.concatenate([self.summary, new], axis=1), self.epsilon)

    def finalize_state(self) -> None:
        """Choose the boundaries from what the batches gave."""
        if self.num_bins and self.summary.size:
            self.bin_boundaries = _thinned(self.summary, 1.0 / self.num_bins)[0, :-1].astype("float32").tolist()

    def reset_state(self) -> None:
        """Forget the batches."""
        self.summary = np.zeros((2, 0), "float32")  # numbers, and how many each stands for

    def call(self, inputs: Any) -> Any:
        """The bins, in the mode of the output."""
        boundaries = self.bin_boundaries
        if boundaries is None:
            scope = current_scope()
            if scope is None or scope.closed or not self.num_bins:
                raise NotBuiltError(
                    f"Layer '{self.name}' has no boundaries yet: call adapt(data) first, or give bin_boundaries."
                )
            check_table((self.num_bins,), "Discretization: boundaries")
            bins, depth = jnp.zeros(jnp.shape(inputs), "int32"), self.num_bins  # only shapes are asked for
        else:
            x, depth = jnp.asarray(inputs, self.compute_dtype), len(boundaries) + 1
            bins = digitize(x, jnp.asarray(np.asarray(boundaries), self.compute_dtype))
        if self.output_mode == "int":
            return bins
        return encode(bins, self.output_mode, depth, self.compute_dtype)

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.dtype_policy.name if name == "dtype" else super()._config_value(name, declared_by)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described, the boundaries that it found included."""
        config = dict(config)
        found = config.pop("bin_boundaries", None) if config.get("num_bins") is not None else None
        layer = cls(**config)
        if found is not None:
            layer.bin_boundaries = _boundaries(found)
        return layer


def _boundaries(values: Any) -> list[float]:
    values = [float(v) for v in values]
    steps = np.diff(values)
    if not (np.all(steps >= 0) or np.all(steps <= 0)):
        raise ArgumentError(f"Discretization: bin_boundaries must be in order. Received: bin_boundaries={values}")
    return values


def _thinned(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary (2, n) of numbers with weights, as about 1 / epsilon of its quantiles with theirs."""
    if summary.shape[1] * epsilon < 1:
        return summary
    summary = summary[:, np.argsort(summary[0], kind="stable")]
    weights = np.cumsum(summary[1])
    share = weights / weights[-1]
    wanted = epsilon + np.arange(0.0, 1.0, epsilon)
    values = np.interp(wanted, share, summary[0])
    return np.stack([values, np.diff(np.interp(wanted, share, weights), prepend=0)]).astype("float32")
