"""How far predictions are from targets: the elementwise mathematics that losses and metrics share."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from ..core import settings
from ..core.errors import ArgumentError, DataWarning, ShapeError
from ..core.masks import set_mask
from .nn_functions import binary_crossentropy as _binary
from .nn_functions import categorical_crossentropy as _categorical
from .nn_functions import normalize
from .nn_functions import sparse_categorical_crossentropy as _sparse
from .symbolic import op
from .tensors import tensor

__all__ = [
    "ELEMENT_MEANS", "align", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "categorical_hinge", "circle", "cosine",
    "cosine_similarity", "dice", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "same_rank",
    "same_rank_shapes", "sparse_categorical_crossentropy", "squared_hinge", "tversky",
]  # fmt: skip


def same_rank_shapes(true: tuple[Any, ...], pred: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Two shapes of one rank where a last axis of size 1 makes it differ: (n,) becomes (n, 1), (n, t, 1) becomes (n, t)."""
    if len(true) == 1 and len(pred) == 2 and pred[1] == 1:
        return (*true, 1), pred  # each sample keeps a value of its own
    if len(pred) == 1 and len(true) == 2 and true[1] == 1:
        return true, (*pred, 1)
    if len(true) == len(pred) + 1 and true[-1] == 1:
        return true[:-1], pred
    if len(pred) == len(true) + 1 and pred[-1] == 1:
        return true, pred[:-1]
    return true, pred


def same_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Targets and predictions of one rank where a last axis of size 1 makes it differ: see `same_rank_shapes`."""
    true, pred = same_rank_shapes(y_true.shape, y_pred.shape)
    return (y_true if true == y_true.shape else y_true.reshape(true)), (
        y_pred if pred == y_pred.shape else y_pred.reshape(pred)
    )


def align(y_true: Any, y_pred: Any, what: str = "loss", *, broadcast: bool = True) -> tuple[Any, Any]:
    """Both as arrays in the dtype of the prediction and of one rank, where only a last axis of size 1 makes it differ.

    Args:
        y_true: targets.
        y_pred: predictions, of the same shape up to a last axis of size 1.
        what: the loss or metric that asks, for messages.
        broadcast: whether other axes of size 1 may broadcast, with a warning.

    Raises:
        ShapeError: shapes that do not fit together.
    """
    y_pred = jnp.asarray(tensor(y_pred))
    if not jnp.issubdtype(y_pred.dtype, jnp.inexact):
        y_pred = y_pred.astype(settings.floatx())
    y_true = jnp.asarray(tensor(y_true)).astype(y_pred.dtype)
    y_true, y_pred = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        _check_broadcast(y_true.shape, y_pred.shape, what, broadcast)
    return y_true, y_pred


def _check_broadcast(true: tuple[int, ...], pred: tuple[int, ...], what: str, allowed: bool) -> None:
    """Shapes of one rank (or a scalar) may broadcast, as in Keras, with a warning; others are a mistake."""
    message = f"{what}: y_true has shape {true} and y_pred has shape {pred}"
    if true and pred:
        if (
            not allowed
            or len(true) != len(pred)
            or any(t != p and 1 not in (t, p) for t, p in zip(true, pred, strict=True))
        ):
            raise ShapeError(f"{message}; they must be equal, up to a last axis of size 1.")
        warnings.warn(f"{message}; they are broadcast, which is seldom meant.", DataWarning, stacklevel=4)


def _smoothed(y_true: Any, smoothing: float, classes: int) -> Any:
    return y_true * (1 - smoothing) + smoothing / classes if smoothing else y_true


@op
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y − ŷ)²) over the last axis.

    >>> float(mean_squared_error([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]))
    0.5
    """
    y_true, y_pred = align(y_true, y_pred, "mean_squared_error")
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@op
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y − ŷ|) over the last axis."""
    y_true, y_pred = align(y_true, y_pred, "mean_absolute_error")
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@op
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 · mean(|y − ŷ| / max(|y|, ε)) over the last axis."""
    y_true, y_pred = align(y_true, y_pred, "mean_absolute_percentage_error")
    return 100 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), settings.epsilon())), axis=-1)


@op
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(y + 1) − log(ŷ + 1))²) over the last axis; what is below ε counts as ε."""
    y_true, y_pred = align(y_true, y_pred, "mean_squared_logarithmic_error")
    first, second = (jnp.log(jnp.maximum(v, settings.epsilon()) + 1) for v in (y_pred, y_true))
    return jnp.mean(jnp.square(first - second), axis=-1)


def _signs(y_true: Any) -> Any:
    """Targets of −1 and 1; targets that are all 0 or 1 are turned into them."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2 * y_true - 1, y_true)


@op
def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 − y·ŷ, 0)) over the last axis, with y of −1 and 1 (or 0 and 1)."""
    y_true, y_pred = align(y_true, y_pred, "hinge")
    return jnp.mean(jnp.maximum(1 - _signs(y_true) * y_pred, 0), axis=-1)


@op
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 − y·ŷ, 0)²) over the last axis."""
    y_true, y_pred = align(y_true, y_pred, "squared_hinge")
    return jnp.mean(jnp.square(jnp.maximum(1 - _signs(y_true) * y_pred, 0)), axis=-1)


@op
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + the best wrong score − the right score, 0)."""
    y_true, y_pred = align(y_true, y_pred, "categorical_hinge")
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1, 0)


@op
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the square up to `delta`, then straight: Huber, 1964."""
    y_true, y_pred = align(y_true, y_pred, "huber")
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(error <= delta, 0.5 * jnp.square(error), delta * error - 0.5 * delta**2), axis=-1)


@op
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(ŷ − y))) over the last axis."""
    y_true, y_pred = align(y_true, y_pred, "log_cosh")
    error = y_pred - y_true
    return jnp.mean(jnp.logaddexp(error, -error) - jnp.log(jnp.asarray(2, error.dtype)), axis=-1)


@op
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Σ y · log(y / ŷ) over the last axis: Kullback & Leibler, 1951."""
    y_true, y_pred = align(y_true, y_pred, "kl_divergence")
    y_true, y_pred = (jnp.clip(v, settings.epsilon(), 1) for v in (y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@op
def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(ŷ − y · log(ŷ + ε)) over the last axis."""
    y_true, y_pred = align(y_true, y_pred, "poisson")
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + settings.epsilon()), axis=-1)


@op
def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between the vectors along `axis`: 1 where they point the same way."""
    y_true, y_pred = align(y_true, y_pred, "cosine_similarity")
    return jnp.sum(normalize(y_true, axis) * normalize(y_pred, axis), axis=axis)


@op
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between the vectors along `axis`, so that less is better: from −1 to 1."""
    return -cosine(y_true, y_pred, axis)


@op
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """mean(−y log ŷ − (1 − y) log(1 − ŷ)) along `axis`."""
    y_true, y_pred = align(y_true, y_pred, "binary_crossentropy", broadcast=False)
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
    y_true, y_pred = align(y_true, y_pred, "binary_focal_crossentropy", broadcast=False)
    y_true = jnp.broadcast_to(_smoothed(y_true, label_smoothing, 2), y_pred.shape)
    probability = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    cross = _binary(y_true, probability)
    right = y_true * probability + (1 - y_true) * (1 - probability)
    loss = (1 - right) ** gamma * cross
    if apply_class_balancing:
        loss = loss * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return jnp.mean(loss, axis=axis)


def _same_shape(y_true: Any, y_pred: Any, loss: str) -> tuple[Any, Any]:
    """One-hot targets and predictions of one and the same shape."""
    true, pred = jnp.shape(tensor(y_true)), jnp.shape(tensor(y_pred))
    if true != pred:
        hint = " For integer labels use the sparse form of the loss, or utils.to_categorical."
        raise ShapeError(
            f"{loss} takes one-hot targets of the predictions' shape. Received: y_true with shape {true} and y_pred "
            f"with shape {pred}.{hint if len(true) < len(pred) or true[-1:] == (1,) else ''}"
        )
    if not pred or pred[-1] == 1:
        warnings.warn(
            f"{loss} over a single class is always 0: predictions have shape {pred}. For two classes with one output "
            "use binary_crossentropy.",
            DataWarning,
            stacklevel=4,
        )
    return align(y_true, y_pred, loss)


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
    if labels.ndim == y_pred.ndim and labels.ndim:
        raise ShapeError(
            f"sparse_categorical_crossentropy takes integer labels without the class axis. Received: y_true with shape "
            f"{labels.shape} and y_pred with shape {y_pred.shape}. For one-hot targets use categorical_crossentropy."
        )
    if ignore_class is None:
        return _sparse(labels, y_pred, from_logits, axis)
    valid = labels != ignore_class
    values = _sparse(jnp.where(valid, labels, jnp.zeros((), labels.dtype)), y_pred, from_logits, axis)
    values = jnp.where(valid, values, jnp.zeros((), values.dtype))
    set_mask(values, valid)  # ignored labels are left out of the mean, too
    return values


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
    y_true, y_pred = align(y_true, y_pred, "dice")
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    total = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1 - (2 * overlap + settings.epsilon()) / (total + settings.epsilon())


@op
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 − TP / (TP + α FN + β FP): Salehi et al., 2017, in Keras's order: the paper has α FP + β FN."""
    y_true, y_pred = align(y_true, y_pred, "tversky")
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    false_negative = jnp.sum(y_true * (1 - y_pred), axis=axis)
    false_positive = jnp.sum((1 - y_true) * y_pred, axis=axis)
    epsilon = settings.epsilon()
    return 1 - (overlap + epsilon) / (overlap + alpha * false_negative + beta * false_positive + epsilon)


@op
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """log(1 + Σ exp(γ αₙ (sₙ − m)) · Σ exp(−γ αₚ (sₚ − 1 + m))): Sun et al., 2020, equation 6.

    Args:
        y_true: integer labels, (batch,) or (batch, 1).
        y_pred: embeddings of length 1, (batch, features).
        ref_labels: labels of the embeddings to compare with; None: `y_true`.
        ref_embeddings: the embeddings to compare with; None: `y_pred`.
        remove_diagonal: do not compare an embedding with itself; for references of their own, entry i with entry i.
        gamma: the scale.
        margin: the relaxation m; αₚ = max(1 + m − sₚ, 0), αₙ = max(sₙ + m, 0).
    """
    y_pred = jnp.asarray(tensor(y_pred))
    labels = jnp.asarray(tensor(y_true)).reshape(-1)
    others = labels if ref_labels is None else jnp.asarray(tensor(ref_labels)).reshape(-1)
    references = y_pred if ref_embeddings is None else jnp.asarray(tensor(ref_embeddings))
    if y_pred.ndim != 2 or references.ndim != 2 or len(labels) != len(y_pred) or len(others) != len(references):
        raise ShapeError(
            f"circle takes a label for each row of (batch, features) embeddings. Received: y_true {labels.shape}, "
            f"y_pred {y_pred.shape}, ref_labels {others.shape}, ref_embeddings {references.shape}"
        )
    similarity = jnp.minimum(y_pred @ references.T, 1)  # (batch, references)
    same = labels[:, None] == others[None, :]
    positive = same & ~jnp.eye(*same.shape, dtype=bool) if remove_diagonal else same
    near = -gamma * jnp.maximum(1 + margin - similarity, 0) * (similarity - (1 - margin))
    far = gamma * jnp.maximum(similarity + margin, 0) * (similarity - margin)
    values = jax.nn.softplus(_log_sum(near, positive) + _log_sum(far, ~same))
    set_mask(values, values > 0)  # rows without a pair are left out of the mean
    return values


#: The functions that are means over the last axis of something taken of each element.
ELEMENT_MEANS = (
    binary_crossentropy, binary_focal_crossentropy, hinge, huber, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson, squared_hinge,
)  # fmt: skip


def _log_sum(x: Any, chosen: Any) -> Any:
    """log Σ exp(x) along the last axis over the chosen; −∞ where none is."""
    return jax.nn.logsumexp(x, axis=-1, where=chosen)
