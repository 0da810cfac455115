"""Means and sums over everything that was counted."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..core import serialization
from ..core.errors import ShapeError
from ..core.masks import get_mask
from ..ops.errors_of_prediction import align
from ..ops.tensors import tensor
from .base import Metric

__all__ = ["Mean", "MeanMetricWrapper", "RootMeanSquaredError", "Sum", "weigh"]


def weigh(values: Any, sample_weight: Any, dtype: str) -> tuple[Any, Any]:
    """`values` and weights in `dtype`, the weights in the shape of the values; None weights stay None."""
    values = jnp.asarray(tensor(values), dtype)
    if sample_weight is None:
        return values, None
    weight = jnp.asarray(tensor(sample_weight), dtype)
    if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    elif (
        values.ndim > weight.ndim > 0
        and weight.shape != values.shape[: weight.ndim]
        and weight.shape[0] != values.shape[0]
    ):
        raise ShapeError(f"sample_weight has shape {weight.shape}, which does not fit values of shape {values.shape}.")
    if weight.ndim < values.ndim and weight.ndim > 0:  # one weight for each sample: take the mean of its values
        values = jnp.mean(values, axis=tuple(range(weight.ndim, values.ndim)))
    return values, jnp.broadcast_to(weight, values.shape)


class Sum(Metric):
    """The sum of all values, weighed.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add the values."""
        values, weight = weigh(values, sample_weight, self.dtype)
        self.total.assign_add(jnp.sum(values if weight is None else values * weight))

    def result(self) -> Any:
        """The sum."""
        return self.total.value


class Mean(Metric):
    """The weighted mean of all values.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Count the values; a scalar with a scalar weight counts that many times."""
        values, weight = weigh(values, sample_weight, self.dtype)
        if weight is None:
            self.total.assign_add(jnp.sum(values))
            self.count.assign_add(values.size)
        else:
            self.total.assign_add(jnp.sum(values * weight))
            self.count.assign_add(jnp.sum(weight))

    def result(self) -> Any:
        """The mean; 0 before anything was counted."""
        total, count = self.total.value, self.count.value
        return jnp.where(count == 0, jnp.zeros((), total.dtype), total / jnp.where(count == 0, 1, count))


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Args:
        fn: ``(y_true, y_pred, **kwargs)`` → values per sample.
        name: the metric's name.
        dtype: the dtype of the result.
        **kwargs: passed on to the function.
    """

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name or getattr(fn, "__name__", "mean_metric_wrapper"), dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count the function's values for a batch; masked predictions do not count."""
        mask = get_mask(y_pred)
        values = self._fn(self._as_tensor(y_true), self._as_tensor(y_pred), **self._fn_kwargs)
        if mask is not None:
            mask = jnp.asarray(mask, self.dtype)
            sample_weight = mask if sample_weight is None else _times(jnp.asarray(sample_weight, self.dtype), mask)
        super().update_state(values, sample_weight)

    def _as_tensor(self, y: Any) -> Any:
        return jnp.asarray(tensor(y), self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Name, dtype, and for a bare wrapper the function with its arguments."""
        if type(self) is not MeanMetricWrapper:
            return super().get_config()
        config = {"name": self.name, "dtype": self.dtype, "fn": serialization.serialize(self._fn)}
        return config | {k: serialization.config_value(v) for k, v in self._fn_kwargs.items()}


def _times(weight: Any, mask: Any) -> Any:
    while weight.ndim < mask.ndim:
        weight = weight[..., None]
    return weight * mask


class RootMeanSquaredError(Mean):
    """√mean((y − ŷ)²).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        y_true, y_pred = align(y_true, y_pred)
        super().update_state(jnp.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        """The root of the mean so far."""
        return jnp.sqrt(super().result())
