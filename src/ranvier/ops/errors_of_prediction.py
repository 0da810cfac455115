"""How far predictions are from targets: the elementwise mathematics that losses and metrics share."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core import settings
from ..core.errors import ArgumentError, ShapeError
from .nn_functions import normalize
from .nn_functions import binary_crossentropy as _binary
from .nn_functions import categorical_crossentropy as _categorical
from .nn_functions import sparse_categorical_crossentropy as _sparse
from .symbolic import op
from .tensors import tensor

__all__ = [
    "align", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "categorical_hinge", "cosine_similarity",
    "dice", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "sparse_categorical_crossentropy",
    "squared_hinge", "tversky",
]  # fmt: skip


def align(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as arrays in the dtype of the prediction, a last axis of size 1 added or taken where the ranks differ by it."""
    y_pred = jnp.asarray(tensor(y_pred))
    if not jnp.issubdtype(y_pred.dtype, jnp.inexact):
        y_pred = y_pred.astype(settings.floatx())
    y_true = jnp.asarray(tensor(y_true)).astype(y_pred.dtype)
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    elif y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        y_true = y_true[..., None]
    try:
        jnp.broadcast_shapes(y_true.shape, y_pred.shape)
    except ValueError:
        raise ShapeError(f"y_true has shape {y_true.shape}, y_pred {y_pred.shape}: they do not fit together.") from None
    return y_true, y_pred


def _smoothed(y_true: Any, smoothing: float, classes: int) -> Any:
    return y_true * (1 - smoothing) + smoothing / classes if smoothing else y_true


@op
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y − ŷ)²) over the last axis.

    >>> float(mean_squared_error([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]))
    0.5
    """
    y_true, y_pred = align(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@op
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y − ŷ|) over the last axis."""
    y_true, y_pred = align(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@op
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 · mean(|y − ŷ| / max(|y|, ε)) over the last axis."""
    y_true, y_pred = align(y_true, y_pred)
    return 100 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), settings.epsilon())), axis=-1)


@op
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(y + 1) − log(ŷ + 1))²) over the last axis; what is below ε counts as ε."""
    y_true, y_pred = align(y_true, y_pred)
    first, second = (jnp.log(jnp.maximum(v, settings.epsilon()) + 1) for v in (y_pred, y_true))
    return jnp.mean(jnp.square(first - second), axis=-1)


def _signs(y_true: Any) -> Any:
    """Targets of −1 and 1; targets that are all 0 or 1 are turned into them."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2 * y_true - 1, y_true)


@op
def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 − y·ŷ, 0)) over the last axis, with y of −1 and 1 (or 0 and 1)."""
    y_true, y_pred = align(y_true, y_pred)
    return jnp.mean(jnp.maximum(1 - _signs(y_true) * y_pred, 0), axis=-1)


@op
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 − y·ŷ, 0)²) over the last axis."""
    y_true, y_pred = align(y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1 - _signs(y_true) * y_pred, 0)), axis=-1)


@op
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + the best wrong score − the right score, 0)."""
    y_true, y_pred = align(y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1, 0)


@op
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the square up to `delta`, then straight: Huber, 1964."""
    y_true, y_pred = align(y_true, y_pred)
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(error <= delta, 0.5 * jnp.square(error), delta * error - 0.5 * delta**2), axis=-1)


@op
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(ŷ − y))) over the last axis."""
    y_true, y_pred = align(y_true, y_pred)
    error = y_pred - y_true
    return jnp.mean(jnp.logaddexp(error, -error) - jnp.log(jnp.asarray(2, error.dtype)), axis=-1)


@op
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Σ y · log(y / ŷ) over the last axis: Kullback & Leibler, 1951."""
    y_true, y_pred = align(y_true, y_pred)
    y_true, y_pred = (jnp.clip(v, settings.epsilon(), 1) for v in (y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@op
def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(ŷ − y · log(ŷ + ε)) over the last axis."""
    y_true, y_pred = align(y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + settings.epsilon()), axis=-1)


@op
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Σ of the products of the normalised vectors along `axis`."""
    y_true, y_pred = align(y_true, y_pred)
    return jnp.sum(normalize(y_true, axis) * normalize(y_pred, axis), axis=axis)


@op
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """mean(−y log ŷ − (1 − y) log(1 − ŷ)) along `axis`."""
    y_true, y_pred = align(y_true, y_pred)
    y_true = jnp.broadcast_to(_smoothed(y_true, label_smoothing, 2), y_pred.shape)
    return jnp.mean(_binary(y_true, y_pred, from_logits), axis=axis)


@op
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Cross-entropy times (1 − p)^γ, which easy examples lose by: Lin et al., 2017, equation 5."""
    y_true, y_pred = align(y_true, y_pred)
    y_true = jnp.broadcast_to(_smoothed(y_true, label_smoothing, 2), y_pred.shape)
    probability = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    cross = _binary(y_true, probability)
    right = y_true * probability + (1 - y_true) * (1 - probability)
    loss = (1 - right) ** gamma * cross
    if apply_class_balancing:
        loss = loss * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return jnp.mean(loss, axis=axis)


def _same_shape(y_true: Any, y_pred: Any, loss: str) -> tuple[Any, Any]:
    y_true, y_pred = align(y_true, y_pred)
    if y_true.shape[-1:] == (1,) != y_pred.shape[-1:] or y_true.ndim != y_pred.ndim:
        raise ShapeError(
            f"{loss} takes one-hot targets of the prediction's shape {y_pred.shape}. Received: y_true with shape "
            f"{y_true.shape}. For integer labels use the sparse form of the loss, or utils.to_categorical."
        )
    if y_true.shape != y_pred.shape:
        raise ShapeError(f"{loss}: y_true has shape {y_true.shape}, y_pred {y_pred.shape}; they must be equal.")
    return y_true, y_pred


@op
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """−Σ y log ŷ along `axis`, for one-hot (or soft) targets."""
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise ArgumentError(f"axis must be an integer. Received: axis={axis!r}")
    y_true, y_pred = _same_shape(y_true, y_pred, "categorical_crossentropy")
    return _categorical(_smoothed(y_true, label_smoothing, y_pred.shape[-1]), y_pred, from_logits, axis)


@op
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Σ α (1 − ŷ)^γ · (−y log ŷ) along `axis`: Lin et al., 2017."""
    y_true, y_pred = _same_shape(y_true, y_pred, "categorical_focal_crossentropy")
    y_true = _smoothed(y_true, label_smoothing, y_pred.shape[-1])
    p = jax.nn.softmax(y_pred, axis) if from_logits else y_pred
    p = jnp.clip(p / jnp.sum(p, axis, keepdims=True), settings.epsilon(), 1 - settings.epsilon())
    weight = jnp.asarray(alpha, p.dtype) * (1 - p) ** gamma
    return jnp.sum(weight * -y_true * jnp.log(p), axis=axis)


@op
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """−log of the probability of the class that the label names; labels of `ignore_class` cost nothing."""
    labels, y_pred = jnp.asarray(tensor(y_true)), jnp.asarray(tensor(y_pred))
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if len(labels.shape) == len(y_pred.shape):
        raise ShapeError(
            f"sparse_categorical_crossentropy takes integer labels without the class axis. Received: y_true with shape "
            f"{labels.shape} for y_pred with shape {y_pred.shape}. For one-hot targets use categorical_crossentropy."
        )
    if ignore_class is None:
        return _sparse(labels, y_pred, from_logits, axis)
    valid = labels != ignore_class
    losses = _sparse(labels * valid, y_pred, from_logits, axis)
    losses = jnp.where(valid, losses, jnp.zeros((), losses.dtype))
    return losses


@op
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 − ŷ_y^q) / q, between cross-entropy and absolute error: Zhang & Sabuncu, 2018."""
    y_pred = jnp.asarray(tensor(y_pred))
    hot = jax.nn.one_hot(jnp.asarray(tensor(y_true)).astype("int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    p = jnp.clip(jnp.sum(hot * y_pred, axis=-1), settings.epsilon(), 1 - settings.epsilon())
    return (1 - p**q) / q


@op
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 − 2 |A ∩ B| / (|A| + |B|): Dice, 1945."""
    y_true, y_pred = align(y_true, y_pred)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    total = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1 - (2 * overlap + settings.epsilon()) / (total + settings.epsilon())


@op
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 − TP / (TP + α FP + β FN): Salehi et al., 2017."""
    y_true, y_pred = align(y_true, y_pred)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    false_positive = jnp.sum((1 - y_true) * y_pred, axis=axis)
    false_negative = jnp.sum(y_true * (1 - y_pred), axis=axis)
    return 1 - (overlap + settings.epsilon()) / (
        overlap + alpha * false_positive + beta * false_negative + settings.epsilon()
    )
