"""Every loss with random shapes, options, weights and masks, beside Keras's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np

from ranvier import losses
from ranvier.core.masks import mask_table, set_mask

from .agreement import differences_of_calls
from .strategies import Draw, described, tried, try_examples

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")
Row = Callable[[Draw], tuple[dict[str, Any], np.ndarray, np.ndarray]]


def _pair(low: float | None = None, high: float = 1.0, options: Callable[[Draw], dict[str, Any]] | None = None) -> Row:
    def make(d: Draw) -> Any:
        shape = d.shape(1, 3)
        given = options(d) if options else {}
        return given, d.floats(*shape, low=low, high=high), d.floats(*shape, low=low, high=high)

    return make


def _signs(d: Draw) -> Any:
    shape = d.shape(1, 3)
    return {}, d.booleans(*shape).astype("float32") * 2 - d.pick(1, 0), d.floats(*shape)


def _binary(d: Draw, **more: Any) -> Any:
    shape, logits = d.shape(2, 3), d.flag()
    predicted = 3 * d.floats(*shape) if logits else d.floats(*shape, low=0, high=1)
    options = d.some(label_smoothing=d.real(0, 0.5), axis=d.axis(len(shape)), **more)
    return (
        options | ({"from_logits": True} if logits else {}),
        d.booleans(*shape).astype("float32"),
        predicted.astype("float32"),
    )


def _classes(d: Draw) -> tuple[Any, int, bool, dict[str, Any]]:
    """Predictions of classes on some axis, the axis, whether they are logits, and the options that say so."""
    shape = [*d.shape(1, 2), d.pick(2, 3, 5)]
    logits = d.flag()
    axis = -1
    scores = 3 * d.floats(*shape)
    if not logits:
        scores = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    if d.pick(False, False, True):
        axis = d.whole(0, len(shape) - 1)
        scores = np.moveaxis(scores, -1, axis)
    options = ({"from_logits": True} if logits else {}) | ({"axis": axis} if axis != -1 else {})
    return np.ascontiguousarray(scores, "float32"), axis, logits, options


def _hot(d: Draw, **more: Any) -> Any:
    scores, axis, _, options = _classes(d)
    labels = scores.argmax(axis) if d.flag() else d.integers(*np.delete(scores.shape, axis), low=0, high=2)
    hot = np.moveaxis(np.eye(scores.shape[axis], dtype="float32")[labels], -1, axis)
    return options | d.some(label_smoothing=d.real(0, 0.5), **more), np.ascontiguousarray(hot), scores


def _labels(d: Draw) -> Any:
    scores, axis, _, options = _classes(d)
    if axis != -1:  # Keras keeps the axis but asks for labels of the last: its law is in tests/losses
        scores, options = np.moveaxis(scores, axis, -1), {k: v for k, v in options.items() if k != "axis"}
    labels = d.integers(*scores.shape[:-1], low=0, high=scores.shape[-1])
    if d.flag():
        labels = labels[..., None]
    return options | d.some(ignore_class=d.pick(0, -1)), labels, np.ascontiguousarray(scores)


def _maps(d: Draw, **more: Any) -> Any:
    shape = d.shape(2, 4)
    axes = d.pick(None, tuple(range(1, len(shape))), (len(shape) - 1,))
    return d.some(axis=axes, **more), d.booleans(*shape).astype("float32"), d.floats(*shape, low=0, high=1)


def _general(d: Draw) -> Any:
    rows, n = d.pick(1, 3), d.pick(2, 4)
    p = np.exp(d.floats(rows, n))
    return d.some(q=d.real(0.1, 0.9)), d.integers(rows, low=0, high=n), (p / p.sum(-1, keepdims=True)).astype("float32")


def _circle(d: Draw) -> Any:
    rows = d.pick(3, 5)
    options = d.some(gamma=d.pick(10.0, 40.0), margin=d.pick(0.2, 0.3), remove_diagonal=d.flag())
    return options, d.integers(rows, low=0, high=2), d.floats(rows, 3)


def _ctc(d: Draw) -> Any:
    rows, classes = d.pick(1, 2), d.pick(3, 4)
    return {}, d.integers(rows, 2, low=0, high=classes), d.floats(rows, d.pick(5, 6), classes)


ROWS: dict[str, Row] = {
    "MeanSquaredError": _pair(),
    "MeanAbsoluteError": _pair(),
    "MeanAbsolutePercentageError": _pair(),
    "MeanSquaredLogarithmicError": _pair(0, 3),
    "CosineSimilarity": _pair(options=lambda d: d.some(axis=d.pick(-1, 0))),
    "Huber": _pair(options=lambda d: d.some(delta=d.real(0.2, 2))),
    "LogCosh": _pair(),
    "Hinge": _signs,
    "SquaredHinge": _signs,
    "CategoricalHinge": lambda d: ({}, *_hot(d)[1:]),
    "KLDivergence": _pair(0, 1),
    "Poisson": _pair(0.1, 3),
    "BinaryCrossentropy": _binary,
    "BinaryFocalCrossentropy": lambda d: _binary(d, alpha=d.real(0.1, 0.9), gamma=d.real(0.5, 3),
                                                 apply_class_balancing=d.flag()),
    "CategoricalCrossentropy": _hot,
    "CategoricalFocalCrossentropy": lambda d: _hot(d, alpha=d.real(0.1, 0.9), gamma=d.real(0.5, 3)),
    "SparseCategoricalCrossentropy": _labels,
    "Dice": _maps,
    "Tversky": lambda d: _maps(d, alpha=d.real(0.1, 0.9), beta=d.real(0.1, 0.9)),
    "CategoricalGeneralizedCrossEntropy": _general,
    "Circle": _circle,
    "CTC": _ctc,
}  # fmt: skip
ELSEWHERE = {"Loss": "the base of all", "LossFunctionWrapper": "the base of those made of functions"}
FUNCTIONS = {  # those with the arguments of their classes
    "mean_squared_error": "MeanSquaredError", "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError", "cosine_similarity": "CosineSimilarity",
    "huber": "Huber", "log_cosh": "LogCosh", "hinge": "Hinge", "squared_hinge": "SquaredHinge",
    "categorical_hinge": "CategoricalHinge", "kl_divergence": "KLDivergence", "poisson": "Poisson",
    "binary_crossentropy": "BinaryCrossentropy", "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy", "dice": "Dice", "tversky": "Tversky",
    "circle": "Circle", "ctc": "CTC", "categorical_generalized_cross_entropy": "CategoricalGeneralizedCrossEntropy",
}  # fmt: skip


def _with_mask(module: Any, name: str, options: dict[str, Any], masked: bool) -> Callable[..., Any]:
    def call(y_true: Any, y_pred: Any, weight: Any, mask: Any) -> Any:
        loss = getattr(module, name)(**options)
        if not masked:
            return loss(y_true, y_pred, weight)
        y_pred = jnp.asarray(y_pred)
        if module is keras.losses:
            y_pred._keras_mask = mask
            return loss(y_true, y_pred, weight)
        with mask_table():
            set_mask(y_pred, mask)
            return loss(y_true, y_pred, weight)

    return call


@tried(1, ROWS, lambda name: name in ("CTC", "Circle") or "Focal" in name)
def test_losses_agree_with_those_of_keras(row: str, examples: int):
    name = row

    def make(d: Draw) -> Any:
        options, y_true, y_pred = ROWS[name](d)
        each = getattr(keras.losses, name)(**options, reduction="none")(y_true, y_pred).shape
        # One weight for each sample has an axis for each of the values': elsewhere Keras gives it to the last axis.
        rows = (*each[:1], *[1] * (len(each) - 1))
        weight = d.pick(None, d.floats(low=0.1), d.floats(*rows, low=0, high=2), d.floats(*each, low=0, high=2))
        mask = d.booleans(*each) if each and d.pick(False, False, True) else None
        return options | {"reduction": d.pick(*REDUCTIONS)}, (y_true, y_pred, weight, mask)

    def check(made: Any) -> None:
        options, arrays = made
        ours, theirs = (_with_mask(m, name, options, arrays[3] is not None) for m in (losses, keras.losses))
        wrong = differences_of_calls({name: (ours, theirs)}, arrays, {}, tolerance=5, traced=arrays[3] is None)
        assert not wrong, f"{wrong} {options} {described(arrays)}"

    try_examples(make, check, examples)


@tried(1, FUNCTIONS, lambda name: True)  # those that the classes call
def test_functions_agree_with_those_of_keras(row: str, examples: int):
    name = row

    def check(made: Any) -> None:
        options, y_true, y_pred = made
        options = options or ({"q": 0.5} if name == "categorical_generalized_cross_entropy" else {})
        pair = getattr(losses, name), getattr(keras.losses, name)
        wrong = differences_of_calls({name: pair}, (y_true, y_pred), options, tolerance=5)
        assert not wrong, f"{wrong} {options} {described((y_true, y_pred))}"

    try_examples(ROWS[FUNCTIONS[name]], check, examples)


def test_every_loss_has_a_row_or_a_reason():
    classes = {n for n in losses.__all__ if isinstance(getattr(losses, n), type)}
    assert classes - set(ROWS) == set(ELSEWHERE)
    assert {n for n in losses.__all__ if n not in classes} - set(FUNCTIONS) == {"deserialize", "get", "serialize"}
