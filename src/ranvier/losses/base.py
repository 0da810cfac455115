"""`Loss`: values per sample, weighed by sample weights and masks, reduced to what training minimises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from ..core import dtypes, names, serialization
from ..core.configurable import Configurable
from ..core.errors import ArgumentError, NotDefinedError, ShapeError
from ..core.masks import get_mask, mask_table
from ..ops import symbolic
from ..ops.errors_of_prediction import same_rank
from ..ops.tensors import tensor

__all__ = ["REDUCTIONS", "FunctionLoss", "Loss", "LossFunctionWrapper", "reduce_weighted"]

REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """Base of losses: subclass it with ``call(self, y_true, y_pred)`` → values per sample.

    Args:
        name: the loss's name.
        reduction: ``"sum_over_batch_size"`` or ``"mean"`` (the sum of the weighted values over their count), ``"sum"``,
            ``"mean_with_sample_weight"`` (over the sum of the weights as given), ``"none"`` or None (no reduction).
        dtype: the dtype to compute in; None: `floatx()`.

    Raises:
        ArgumentError: an unknown reduction.

    >>> class MaximumError(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return abs(y_true - y_pred).max(axis=-1)
    >>> float(MaximumError()([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [3.0, 3.0]]))
    1.5
    """

    keras_module = "keras.losses"
    config_excluded: ClassVar[frozenset[str]] = frozenset({"dtype"})

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"reduction must be one of {REDUCTIONS}. Received: reduction={reduction!r}")
        self.name = name or names.auto_name(type(self).__name__)
        self.reduction = reduction
        self._dtype = dtypes.get_policy(dtypes.settings.floatx() if dtype is None else dtype)

    @property
    def dtype(self) -> str:
        """The dtype in which the loss is computed."""
        return self._dtype.compute_dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample; every loss overrides it."""
        raise NotDefinedError(f"{type(self).__name__} must define call(self, y_true, y_pred).")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Args:
            y_true: targets; an array or a nested structure of them.
            y_pred: predictions, of the same shape unless the loss says otherwise.
            sample_weight: weights that broadcast to the values per sample; of fewer axes than the values, they belong
                to the first ones.
        """
        with mask_table():
            mask = get_mask(y_pred)
            values = self.call(_each(y_true, self._cast_target), _each(y_pred, self._cast))
            inner = get_mask(values)
            if inner is not None:
                mask = inner if mask is None else jnp.logical_and(mask, inner)
            return reduce_weighted(values, sample_weight, mask, self.reduction, self.dtype)

    def _cast(self, x: Any) -> Any:
        return jnp.asarray(tensor(x), self.dtype)

    def _cast_target(self, x: Any) -> Any:
        return self._cast(x)


def _each(structure: Any, cast: Callable[[Any], Any]) -> Any:
    """`cast` of every array in a nested structure; lists of plain numbers are arrays, too."""
    if isinstance(structure, (list, tuple)):
        leaves = symbolic.flatten(structure)
        if leaves and all(isinstance(leaf, (int, float)) for leaf in leaves):
            return cast(structure)
    return symbolic.rebuild(structure, cast)


def reduce_weighted(values: Any, sample_weight: Any, mask: Any, reduction: str | None, dtype: str) -> Any:
    """`values` times weights and mask, reduced; a mask also takes the masked values out of the count.

    Args:
        values: of any shape.
        sample_weight: weights that broadcast to `values`, or None.
        mask: true where values count, or None.
        reduction: one of `REDUCTIONS`.
        dtype: the dtype of the result.

    Raises:
        ShapeError: weights or a mask that do not fit the values.
    """
    values = jnp.asarray(values, dtype)
    weight = None if sample_weight is None else jnp.asarray(tensor(sample_weight), dtype)
    if mask is not None:
        mask = jnp.asarray(mask, dtype)
        if reduction in ("mean", "sum_over_batch_size"):
            mask = mask * (mask.size / jnp.maximum(jnp.sum(mask), 1e-7))
        if weight is None:
            weight = mask
        else:
            weight, mask = _same_rank(weight, mask, "the mask")
            weight = weight * mask
    total_weight: Any = None
    if weight is not None:
        weight, values = _same_rank(weight, values, "the values per sample")
        if reduction == "mean_with_sample_weight":
            total_weight = jnp.sum(weight)  # as given, before broadcasting
        values = values * weight
    if reduction in (None, "none") or values.ndim == 0:  # one value has nothing to be averaged with
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if total_weight is not None:
        return jnp.where(total_weight == 0, jnp.zeros((), dtype), total / jnp.where(total_weight == 0, 1, total_weight))
    return total / max(math.prod(values.shape), 1)


def _same_rank(weight: Any, other: Any, what: str) -> tuple[Any, Any]:
    """Weights and what they weigh with equal ranks, the weights' axes being the first ones."""
    if weight.ndim == other.ndim + 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    elif other.ndim == weight.ndim + 1 and other.shape[-1] == 1:
        other = other[..., 0]
    elif 0 < weight.ndim < other.ndim and all(w in (1, o) for w, o in zip(weight.shape, other.shape, strict=False)):
        weight = weight.reshape(*weight.shape, *[1] * (other.ndim - weight.ndim))
    try:
        jnp.broadcast_shapes(weight.shape, other.shape)
    except ValueError:
        raise ShapeError(
            f"sample_weight of shape {weight.shape} does not fit {what}, of shape {other.shape}. Give one weight for "
            "each sample, or one for each value."
        ) from None
    return weight, other


class FunctionLoss(Loss):
    """Base of the built-in losses: a function of targets and predictions, and the options that are passed on to it."""

    function: ClassVar[Callable[..., Any]]
    options: ClassVar[tuple[str, ...]] = ()
    #: Whether targets are class labels, which stay integers: small floats could not tell large labels apart.
    integer_targets: ClassVar[bool] = False

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return type(self).function(y_true, y_pred, **{name: getattr(self, name) for name in self.options})

    def _cast_target(self, x: Any) -> Any:
        x = tensor(x)
        if self.integer_targets and hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.integer):
            return jnp.asarray(x)
        return self._cast(x)


class LossFunctionWrapper(Loss):
    """A function ``(y_true, y_pred, **kwargs)`` → values as a loss.

    Args:
        fn: the function.
        reduction, name, dtype: as in `Loss`.
        **kwargs: passed on to the function.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name, reduction, dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The function's values; a last axis of size 1 that makes ranks differ is taken away first."""
        if hasattr(y_true, "ndim") and hasattr(y_pred, "ndim"):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """Name, reduction, the function and its arguments."""
        config = {"name": self.name, "reduction": self.reduction, "fn": serialization.serialize(self.fn)}
        return config | {k: serialization.config_value(v) for k, v in self._fn_kwargs.items()}
