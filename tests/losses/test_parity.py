"""Losses against Keras: values, gradients, reductions, weights, masks and configurations."""

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import losses
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.masks import set_mask

SHAPE = (6, 5)


def _data(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    logits = rng.normal(size=SHAPE).astype("float32")
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    labels = rng.integers(0, SHAPE[-1], SHAPE[0])
    hot = np.eye(SHAPE[-1], dtype="float32")[labels]
    binary = rng.integers(0, 2, SHAPE).astype("float32")
    unit = rng.uniform(0.02, 0.98, SHAPE).astype("float32")
    return {
        "real": (rng.normal(size=SHAPE).astype("float32"), logits),
        "positive": (rng.uniform(0, 3, SHAPE).astype("float32"), rng.uniform(0.1, 3, SHAPE).astype("float32")),
        "signs": (2 * binary - 1, logits),
        "binary": (binary, unit),
        "binary_logits": (binary, logits),
        "hot": (hot, probabilities),
        "hot_logits": (hot, 3 * logits),
        "extreme": (hot, np.where(hot > 0, 0.0, 1.0 / 4).astype("float32")),
        "labels": (labels, probabilities),
        "labels_logits": (labels, 3 * logits),
        "label_columns": (labels[:, None], probabilities),
        "maps": (rng.integers(0, 2, (2, 3, 4, 1)).astype("float32"), rng.uniform(0, 1, (2, 3, 4, 1)).astype("float32")),
        "sequence": (rng.integers(1, SHAPE[-1], (3, 2)), rng.normal(size=(3, 7, SHAPE[-1])).astype("float32")),
        "first_axis": (np.ascontiguousarray(hot.T), np.ascontiguousarray(probabilities.T)),
        "first_axis_logits": (np.ascontiguousarray(hot.T), np.ascontiguousarray(logits.T)),
        "images": (rng.integers(0, 3, (2, 4, 4)), rng.normal(size=(2, 3, 4, 4)).astype("float32")),
    }[kind]


CATALOGUE: list[tuple[str, dict[str, Any], str]] = [
    ("MeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "real"),
    ("CosineSimilarity", {}, "real"),
    ("CosineSimilarity", {"axis": 0}, "real"),
    ("Huber", {}, "real"),
    ("Huber", {"delta": 0.3}, "real"),
    ("LogCosh", {}, "real"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "binary"),
    ("SquaredHinge", {}, "signs"),
    ("SquaredHinge", {}, "binary"),
    ("CategoricalHinge", {}, "hot"),
    ("CategoricalHinge", {}, "hot_logits"),
    ("KLDivergence", {}, "binary"),
    ("KLDivergence", {}, "hot"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    ("BinaryCrossentropy", {"axis": 0}, "binary"),
    ("BinaryFocalCrossentropy", {}, "binary"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5, "alpha": 0.3}, "binary"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary_logits"),
    ("CategoricalCrossentropy", {}, "hot"),
    ("CategoricalCrossentropy", {}, "extreme"),
    ("CategoricalCrossentropy", {"from_logits": True}, "hot_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "hot"),
    ("CategoricalCrossentropy", {"axis": 0}, "first_axis"),
    ("CategoricalCrossentropy", {"axis": 0, "from_logits": True}, "first_axis_logits"),
    ("CategoricalFocalCrossentropy", {}, "hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1, "gamma": 3.0}, "hot_logits"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5]}, "hot"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {}, "label_columns"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels_logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "labels"),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1, "from_logits": True}, "labels_logits"),
    ("SparseCategoricalCrossentropy", {"axis": 1, "from_logits": True}, "images"),
    ("Dice", {}, "maps"),
    ("Dice", {"axis": (1, 2, 3)}, "maps"),
    ("Tversky", {}, "maps"),
    ("Tversky", {"alpha": 0.2, "beta": 0.8, "axis": (1, 2, 3)}, "maps"),
    ("CategoricalGeneralizedCrossEntropy", {}, "labels"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, "labels"),
    ("Circle", {}, "labels_logits"),
    ("Circle", {"gamma": 40.0, "margin": 0.3, "remove_diagonal": False}, "labels_logits"),
    ("CTC", {}, "sequence"),
]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in kwargs.items())}-{kind}" for name, kwargs, kind in CATALOGUE]


def _close(ours: Any, theirs: Any, tolerance: float = 2e-6) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=tolerance * max(1.0, float(np.abs(theirs).max())))


@pytest.mark.parametrize(("name", "kwargs", "kind"), CATALOGUE, ids=IDS)
def test_value_gradient_and_config_are_those_of_keras(name, kwargs, kind):
    y_true, y_pred = _data(kind)
    ours, theirs = getattr(losses, name)(**kwargs), getattr(keras.losses, name)(**kwargs)
    mine = jax.jit(jax.value_and_grad(lambda p: ours(y_true, p)))(y_pred)
    keras_ones = jax.jit(jax.value_and_grad(lambda p: theirs(y_true, p)))(y_pred)
    _close(mine[0], keras_ones[0])
    _close(mine[1], keras_ones[1])
    assert ours.get_config() == theirs.get_config()
    assert ours.name == theirs.name
    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()


@pytest.mark.parametrize(("name", "kwargs", "kind"), CATALOGUE, ids=IDS)
def test_values_per_sample_are_those_of_keras(name, kwargs, kind):
    y_true, y_pred = _data(kind)
    ours = getattr(losses, name)(**kwargs, reduction=None)
    theirs = getattr(keras.losses, name)(**kwargs, reduction="none")
    _close(jax.jit(ours)(y_true, y_pred), jax.jit(theirs)(y_true, y_pred))
