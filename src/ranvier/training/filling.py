"""Batches of `evaluate` filled up with rows that do not count, so that batches of many sizes share a program.

A program is compiled for shapes, and the last batch of data is seldom as large as the others. Where every part of a step
is known to take each row for itself, and to take weights, the rest of the data becomes a whole batch, and weights of 1
and 0 say which rows count. Anywhere else each size gets a program of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ..core.dtypes import is_float
from ..data.blocks import power_of_two
from ..layers.core import Masking
from ..losses import base as losses
from ..metrics.means import MeanMetricWrapper
from ..metrics.means import Sum as SumMetric
from ..ops import errors_of_prediction as errors
from .rowwise import is_rowwise
from .step import overridden, unpack

__all__ = ["is_fillable", "one_batch"]

# Functions of losses that give each row values of its own.
_BY_ROW = (
    errors.binary_crossentropy, errors.binary_focal_crossentropy, errors.categorical_crossentropy,
    errors.categorical_focal_crossentropy, errors.categorical_hinge, errors.hinge, errors.huber, errors.kl_divergence,
    errors.log_cosh, errors.mean_absolute_error, errors.mean_absolute_percentage_error, errors.mean_squared_error,
    errors.mean_squared_logarithmic_error, errors.poisson, errors.sparse_categorical_crossentropy, errors.squared_hinge,
)  # fmt: skip


def one_batch(
    programs: Any, learn: bool, batch: Any, number: int, room: int | None = None
) -> Callable[[Any], tuple[Any, Any]]:
    """A step on one batch of a size of its own, as a function ``state → (state, logs)``.

    Args:
        programs: the model's compiled programs.
        learn: train on exactly this batch, or test on it.
        batch: (x, y, sample_weight) as arrays.
        number: the step's number.
        room: rows to which the batch is filled up if it can be; None: the next power of two.
    """
    if not learn and programs.fillable and _has_row_weights(batch):
        size = jax.tree.leaves(batch)[0].shape[0]
        room = room or power_of_two(size)
        if size < room:
            full = jax.tree.map(lambda leaf: _filled_up(leaf, room), batch)
            return lambda state: programs.filled()(state, full, number, np.float32(size))
    return lambda state: programs.single(learn)(state, batch, number)


def _has_row_weights(batch: Any) -> bool:
    _, y, sample_weight = unpack(batch)
    return y is not None and (sample_weight is None or hasattr(sample_weight, "shape"))


def _filled_up(leaf: Any, room: int) -> np.ndarray:
    """The rows and the last one again and again: what computes on it meets no number that was not there before."""
    leaf = np.asarray(leaf)
    return np.concatenate([leaf, np.repeat(leaf[-1:], room - len(leaf), axis=0)])


def is_fillable(model: Any) -> bool:
    """Whether rows may be added to a batch on which `model` is tested: what is known to count each row for itself.

    True for compiled models that `predict` may fill up, with outputs of two axes or more, one built-in loss that is
    averaged over the rows, built-in metrics, and without masks, losses of activities, or methods of the user's.
    """
    if not is_rowwise(model) or overridden(model, "test_step") is not None or model._layers_metrics():
        return False
    if any(len(output.shape) < 2 for output in model.outputs):  # of one axis, losses make one value of the whole batch
        return False
    if not all(getattr(model, name).__module__.startswith("ranvier.") for name in ("compute_loss", "compute_metrics")):
        return False
    for layer in model._flatten_layers():
        if layer.activity_regularizer is not None or isinstance(layer, Masking) or getattr(layer, "mask_zero", False):
            return False
    if model._losses_compiled is None or not model._losses_compiled.built:
        return False
    terms = model._losses_compiled.terms
    if len(terms) != 1 or not terms[0].is_of_one_output or not _is_mean(terms[0].function):
        return False
    return all(map(_takes_weights, model._metrics_compiled.metrics))


def _is_mean(loss: Any) -> bool:
    if type(loss) is losses.LossFunctionWrapper:
        known = loss.fn in _BY_ROW and not loss._fn_kwargs
    else:
        known = isinstance(loss, losses.FunctionLoss) and _is_own(loss) and type(loss).function in _BY_ROW
    return known and loss.reduction in ("sum_over_batch_size", "mean") and _by_last_axis(loss)


def _takes_weights(metric: Any) -> bool:
    if isinstance(metric, SumMetric) or not is_float(metric.dtype) or not _is_own(metric) or not _by_last_axis(metric):
        return False
    return type(metric) is not MeanMetricWrapper or (metric._fn in _BY_ROW and not metric._fn_kwargs)


def _is_own(part: Any) -> bool:
    return type(part).__module__.startswith("ranvier.")


def _by_last_axis(part: Any) -> bool:
    return getattr(part, "axis", -1) == -1 and getattr(part, "ignore_class", None) is None
