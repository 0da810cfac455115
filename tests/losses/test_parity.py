"""Losses against Keras: values, gradients, reductions, weights, masks and configurations."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import losses
from ranvier.core.masks import mask_table, set_mask
from ranvier.ops.ctc import ctc_loss

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
def test_values_gradient_and_config_are_those_of_keras(name, kwargs, kind):
    y_true, y_pred = _data(kind)

    def numbers(module: Any) -> Any:
        whole, each = getattr(module, name)(**kwargs), getattr(module, name)(**kwargs, reduction="none")
        return jax.jit(lambda t, p: (*jax.value_and_grad(lambda p: whole(t, p))(p), each(t, p)))(y_true, y_pred)

    for mine, keras_one in zip(numbers(losses), numbers(keras.losses), strict=True):
        _close(mine, keras_one)
    ours, theirs = getattr(losses, name)(**kwargs), getattr(keras.losses, name)(**kwargs)
    # Keras drops these arguments from the config, so that a copy computes something else; here they are kept.
    kept = {k: v for k, v in kwargs.items() if k not in theirs.get_config()}
    assert ours.get_config() == theirs.get_config() | kept
    assert ours.name == theirs.name
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()
    assert losses.deserialize(losses.serialize(ours)).get_config() == ours.get_config()


FUNCTIONS = [
    ("mean_squared_error", "real"), ("mean_absolute_error", "real"), ("mean_absolute_percentage_error", "real"),
    ("mean_squared_logarithmic_error", "positive"), ("cosine_similarity", "real"), ("huber", "real"),
    ("log_cosh", "real"), ("hinge", "binary"), ("squared_hinge", "binary"), ("categorical_hinge", "hot"),
    ("kl_divergence", "hot"), ("poisson", "positive"), ("binary_crossentropy", "binary"),
    ("binary_focal_crossentropy", "binary"), ("categorical_crossentropy", "hot"),
    ("categorical_focal_crossentropy", "hot"), ("sparse_categorical_crossentropy", "labels"), ("dice", "maps"),
    ("tversky", "maps"), ("circle", "labels_logits"), ("ctc", "sequence"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), FUNCTIONS)
def test_functions_are_those_of_keras(name, kind):
    y_true, y_pred = _data(kind)
    _close(jax.jit(getattr(losses, name))(y_true, y_pred), jax.jit(getattr(keras.losses, name))(y_true, y_pred))


REDUCTIONS = ["sum", "mean", "sum_over_batch_size", "mean_with_sample_weight", "none"]
WEIGHTS: list[tuple[int, ...]] = [(), (3, 1), (3, 4), (1, 4), (3, 4, 1), (3, 1, 1)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_weights_masks_and_reductions_are_those_of_keras(rng, reduction, masked):
    y_true, scores = (rng.normal(size=(3, 4, 2)).astype("float32") for _ in range(2))
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)
    ours, theirs = losses.MeanSquaredError(reduction=reduction), keras.losses.MeanSquaredError(reduction=reduction)
    for shape in [None, *(w for w in WEIGHTS if not masked or len(w) == 2)]:
        y_pred = jnp.asarray(scores)
        if masked:
            y_pred._keras_mask = jnp.asarray(mask)
        weight = None if shape is None else rng.uniform(size=shape).astype("float32")
        _close(ours(y_true, y_pred, weight), theirs(y_true, y_pred, weight))


def test_a_weight_for_each_sample_belongs_to_the_first_axis(rng):
    values = rng.normal(size=(4, 4, 2)).astype("float32")
    zero, weight = np.zeros_like(values), np.arange(4.0, dtype="float32")
    loss = losses.MeanSquaredError()
    _close(loss(zero, values, weight), loss(zero, values, weight[:, None]))


def test_mask_of_a_traced_prediction_counts(rng):
    y_true, y_pred = (rng.normal(size=(3, 4, 2)).astype("float32") for _ in range(2))
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)

    def loss(t: Any, p: Any) -> Any:
        with mask_table():
            set_mask(p, mask)
            return losses.MeanSquaredError()(t, p)

    _close(jax.jit(loss)(y_true, y_pred), (np.mean((y_true - y_pred) ** 2, -1) * mask).sum() / np.float32(mask.sum()))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ignored_labels_are_out_of_the_mean_as_in_keras(rng, reduction):
    labels, p = np.array([2, 1, 2, 0, 4, 3]), rng.uniform(0.1, 1, (6, 5)).astype("float32")
    ours = losses.SparseCategoricalCrossentropy(ignore_class=2, reduction=reduction)
    theirs = keras.losses.SparseCategoricalCrossentropy(ignore_class=2, reduction=reduction)
    for weight in (None, np.arange(6.0)):
        _close(ours(labels, p, weight), theirs(labels, p, weight))


def test_class_axis_may_be_any(rng):
    labels, logits = rng.integers(0, 3, (2, 4, 5)), rng.normal(size=(2, 3, 4, 5)).astype("float32")
    first = losses.SparseCategoricalCrossentropy(from_logits=True, axis=1)(labels, logits)
    _close(first, losses.SparseCategoricalCrossentropy(from_logits=True)(labels, np.moveaxis(logits, 1, -1)))


def test_large_labels_survive_a_small_dtype():
    scores = np.zeros((1, 1000), "float32")
    scores[0, 999] = 9.0
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")
    assert float(loss(np.array([999]), scores)) < 1.0 < float(loss(np.array([998]), scores))
    assert loss(np.array([999]), scores).dtype == jnp.bfloat16


def test_ctc_is_the_sum_over_all_alignments(rng):
    logits = rng.normal(size=(1, 4, 3)).astype("float32")
    p = np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
    labels = np.array([[1, 1]])
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        merged = [s for s, _ in itertools.groupby(path)]
        if [s for s in merged if s != 0] == [1, 1]:
            total += np.prod([p[t, s] for t, s in enumerate(path)])
    np.testing.assert_allclose(losses.ctc(labels, logits), [-np.log(total)], rtol=1e-5)


def test_ctc_loss_with_lengths_is_that_of_keras(rng):
    labels, logits = np.array([[1, 2], [3, 0], [0, 0]]), rng.normal(size=(3, 7, 5)).astype("float32")
    lengths = np.array([2, 1, 0]), np.array([7, 5, 4])
    _close(ctc_loss(labels, logits, *lengths), keras.ops.ctc_loss(labels, logits, *lengths))
