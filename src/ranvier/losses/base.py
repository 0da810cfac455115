"""`Loss`: values per sample, weighed by sample weights and masks, reduced to what training minimises."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from ..core import dtypes, serialization
from ..core.configurable import Configurable
from ..core.errors import ArgumentError
from ..core.masks import get_mask
from ..core.names import snake_case
from ..ops import symbolic
from ..ops.errors_of_prediction import align
from ..ops.tensors import tensor

__all__ = ["REDUCTIONS", "Loss", "LossFunctionWrapper", "reduce_weighted"]

REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """Base of losses: subclass it with ``call(self, y_true, y_pred)`` → values per sample.

    Args:
        name: the loss's name.
        reduction: ``"sum_over_batch_size"`` or ``"mean"`` (the sum of the weighted values over their count), ``"sum"``,
            ``"mean_with_sample_weight"`` (over the sum of the weights), ``"none"`` or None (no reduction).
        dtype: the dtype to compute in; None: `floatx()`.

    Raises:
        ArgumentError: an unknown reduction.
    """

    keras_module = "keras.losses"
    config_excluded: ClassVar[frozenset[str]] = frozenset({"dtype"})

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"reduction must be one of {REDUCTIONS}. Received: reduction={reduction!r}")
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self._dtype = dtypes.get_policy(dtype) if dtype is not None else dtypes.get_policy(dtypes.settings.floatx())

    @property
    def dtype(self) -> str:
        """The dtype in which the loss is computed."""
        return self._dtype.compute_dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample; every loss overrides it."""
        raise TypeError(f"{type(self).__name__} must define call(self, y_true, y_pred).")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Args:
            y_true: targets.
            y_pred: predictions, of the same shape unless the loss says otherwise.
            sample_weight: weights that broadcast to the values per sample.
        """
        mask = get_mask(y_pred)
        y_pred = symbolic.rebuild(y_pred, self._cast)
        y_true = symbolic.rebuild(y_true, self._cast)
        values = self.call(y_true, y_pred)
        return reduce_weighted(values, sample_weight, mask, self.reduction, self.dtype)

    def _cast(self, x: Any) -> Any:
        return jnp.asarray(tensor(x), self.dtype)

    def _config_value(self, name: str, declared_by: type) -> Any:
        return super()._config_value(name, declared_by)


def reduce_weighted(values: Any, sample_weight: Any, mask: Any, reduction: str | None, dtype: str) -> Any:
    """`values` times weights and mask, reduced; a mask also takes the masked values out of the count."""
    values = jnp.asarray(values, dtype)
    weight = None if sample_weight is None else jnp.asarray(tensor(sample_weight), dtype)
    if mask is not None:
        mask = jnp.asarray(mask, dtype)
        if reduction in ("mean", "sum_over_batch_size"):
            total = jnp.asarray(_product(mask.shape), dtype)
            mask = mask * (total / jnp.maximum(jnp.sum(mask), jnp.asarray(1e-7, dtype)))
        if weight is None:
            weight = mask
        else:
            weight, mask = _same_rank(weight, mask)
            weight = weight * mask
    denominator: Any = None
    if weight is not None:
        weight, values = _same_rank(weight, values)
        if reduction == "mean_with_sample_weight":
            denominator = jnp.sum(jnp.broadcast_to(weight, values.shape))
        values = values * weight
    if reduction in (None, "none"):
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if denominator is not None:
        return total / jnp.maximum(denominator, jnp.asarray(1e-7, dtype))
    return total / jnp.asarray(max(values.size, 1), dtype)


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for s in shape:
        size *= s
    return size


def _same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Both with equal ranks where a last axis of size 1 makes the difference."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a[..., 0], b) if b.shape[-1:] != (1,) else (a, b[..., None])
    if b.ndim == a.ndim + 1:
        return a[..., None], b
    while a.ndim < b.ndim:
        a = a[..., None]
    return a, b


class LossFunctionWrapper(Loss):
    """A function ``(y_true, y_pred, **kwargs)`` → values as a loss.

    Args:
        fn: the function.
        reduction, name, dtype: as in `Loss`.
        **kwargs: passed on to the function.
    """

    def __init__(
        self,
        fn: Any,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The function's values, for targets and predictions of equal ranks."""
        fits = hasattr(y_true, "ndim") and hasattr(y_pred, "ndim") and abs(y_true.ndim - y_pred.ndim) == 1
        if fits and (y_true.shape[-1:] == (1,) or y_pred.shape[-1:] == (1,)):
            y_true, y_pred = align(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """Name, reduction, the function and its arguments."""
        config = {"name": self.name, "reduction": self.reduction, "fn": serialization.serialize(self.fn)}
        return config | {k: serialization.config_value(v) for k, v in self._fn_kwargs.items()}
