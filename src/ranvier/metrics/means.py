"""Means and sums over everything that was counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from ..core import serialization
from ..core.masks import get_mask, mask_table
from ..ops.errors_of_prediction import align
from ..ops.tensors import tensor
from .base import Metric
from .weights import fit_rank, masked

__all__ = ["Mean", "MeanMetricWrapper", "RootMeanSquaredError", "Sum"]


class Sum(Metric):
    """The weighted sum of all values.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.

    >>> float(Sum()([1.0, 2.0, 4.0]))
    7.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add the values, times their weights."""
        values = jnp.asarray(tensor(values), self.dtype)
        if sample_weight is not None:
            values = values * fit_rank(jnp.asarray(tensor(sample_weight), self.dtype), values.shape)
        self.total.assign_add(jnp.sum(values))

    def result(self) -> Any:
        """The sum."""
        return self.total.value


class Mean(Metric):
    """The weighted mean of all values.

    A sample of several values (axes after the first) counts as one, with the mean of its values; so does a batch with
    one weight for all of it.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state([8.0])
    >>> float(mean.result())
    4.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Count the values, times their weights."""
        values = jnp.asarray(tensor(values), self.dtype)
        samples = values.shape[0] if values.ndim else 1
        if sample_weight is None:
            self.total.assign_add(_scaled(jnp.sum(values), values.size, samples))
            self.count.assign_add(samples)
            return
        weight = jnp.asarray(tensor(sample_weight), self.dtype)
        weight = fit_rank(weight, values.shape)
        if weight.ndim == 0:
            self.total.assign_add(_scaled(jnp.sum(values), values.size, 1) * weight)
            self.count.assign_add(weight)
            return
        # The weight of a sample is the mean of its weights, broadcast over its values.
        spread = math.prod(v if w == 1 else 1 for v, w in zip(values.shape, weight.shape, strict=True))
        self.total.assign_add(_scaled(jnp.sum(values * weight), values.size, samples))
        self.count.assign_add(
            _scaled(jnp.sum(weight) * spread if spread > 1 else jnp.sum(weight), values.size, samples)
        )

    def result(self) -> Any:
        """The mean; 0 before anything was counted."""
        total, count = self.total.value, self.count.value
        return jnp.where(count == 0, jnp.zeros((), total.dtype), total / jnp.where(count == 0, 1, count))


def _scaled(total: Any, size: int, samples: int) -> Any:
    """A sum over `size` values as one over `samples` means."""
    return total if size == samples else total * (samples / max(size, 1))


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Args:
        fn: ``(y_true, y_pred, **kwargs)`` → values per sample.
        name: the metric's name.
        dtype: the dtype of the result.
        **kwargs: passed on to the function.

    >>> metric = MeanMetricWrapper(lambda y_true, y_pred: abs(y_true - y_pred), name="distance")
    >>> float(metric([1.0, 2.0], [1.0, 4.0]))
    1.0
    """

    #: Whether targets are class labels, which stay integers.
    integer_targets: ClassVar[bool] = False

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name, dtype)  # type: ignore[arg-type]  # None: an automatic name
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(  # type: ignore[override]  # of targets and predictions rather than of values
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Count the function's values for a batch; masked predictions do not count."""
        with mask_table():
            sample_weight = masked(sample_weight, get_mask(y_pred), self.dtype)
            y_true, y_pred = tensor(y_true), jnp.asarray(tensor(y_pred), self.dtype)
            if not (self.integer_targets and hasattr(y_true, "dtype") and jnp.issubdtype(y_true.dtype, jnp.integer)):
                y_true = jnp.asarray(y_true, self.dtype)
            values = self._fn(y_true, y_pred, **self._fn_kwargs)
            if sample_weight is not None:  # as in Keras: values that a function masks are 0, and count unless weighed
                sample_weight = masked(sample_weight, get_mask(values), self.dtype)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Name, dtype and the metric's own arguments; for a bare wrapper the function with its arguments."""
        if type(self) is not MeanMetricWrapper:
            return super().get_config()
        config = {"name": self.name, "dtype": self.dtype, "fn": serialization.serialize(self._fn)}
        return config | {k: serialization.config_value(v) for k, v in self._fn_kwargs.items()}


class RootMeanSquaredError(Mean):
    """√mean((y − ŷ)²).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.

    >>> float(RootMeanSquaredError()([0.0, 0.0], [3.0, 3.0]))
    3.0
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]  # of targets and predictions rather than of values
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Count a batch."""
        sample_weight = masked(sample_weight, get_mask(y_pred), self.dtype)
        y_true, y_pred = align(y_true, jnp.asarray(tensor(y_pred), self.dtype), "root_mean_squared_error")
        super().update_state(jnp.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        """The root of the mean so far."""
        return jnp.sqrt(super().result())
