"""Metrics against Keras: results over batches, state, weights and configurations."""

import re
import warnings
from typing import Any

import jax
import keras
import numpy as np
import pytest

from ranvier import metrics

ROWS, CLASSES = 12, 4


def _data(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(ROWS, CLASSES)).astype("float32")
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    labels = rng.integers(0, CLASSES, ROWS)
    hot = np.eye(CLASSES, dtype="float32")[labels]
    binary = rng.integers(0, 2, (ROWS, CLASSES)).astype("float32")
    unit = rng.uniform(0.02, 0.98, (ROWS, CLASSES)).astype("float32")
    return {
        "real": (rng.normal(size=(ROWS, CLASSES)).astype("float32"), logits),
        "positive": (rng.uniform(0, 3, (ROWS, CLASSES)).astype("float32"), unit + 0.1),
        "binary": (binary, unit),
        "binary_logits": (binary, logits),
        "column": (binary[:, :1], unit[:, :1]),
        "flat": (binary[:, 0], unit[:, 0]),
        "hot": (hot, probabilities),
        "hot_logits": (hot, logits),
        "labels": (labels, probabilities),
        "label_columns": (labels[:, None], logits),
        "sorted_ids": (labels, np.argsort(-logits, -1)),
        "classes": (labels, rng.integers(0, CLASSES, ROWS)),
        "sequences": (binary.reshape(ROWS // 2, 2, CLASSES), unit.reshape(ROWS // 2, 2, CLASSES)),
    }[kind]


CATALOGUE: list[tuple[str, dict[str, Any], str]] = [
    ("Accuracy", {}, "classes"),
    ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {"threshold": 0.3, "name": "b"}, "column"),
    ("BinaryAccuracy", {}, "sequences"),
    ("CategoricalAccuracy", {}, "hot"),
    ("SparseCategoricalAccuracy", {}, "labels"),
    ("SparseCategoricalAccuracy", {}, "label_columns"),
    ("TopKCategoricalAccuracy", {"k": 2}, "hot"),
    ("TopKCategoricalAccuracy", {}, "hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "labels"),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "sorted_ids"),
    ("MeanSquaredError", {}, "real"),
    ("MeanSquaredError", {}, "sequences"),
    ("RootMeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("CosineSimilarity", {}, "real"),
    ("CosineSimilarity", {"axis": 1}, "real"),
    ("LogCoshError", {}, "real"),
    ("Poisson", {}, "positive"),
    ("KLDivergence", {}, "hot"),
    ("Hinge", {}, "binary_logits"),
    ("SquaredHinge", {}, "binary_logits"),
    ("CategoricalHinge", {}, "hot_logits"),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    ("CategoricalCrossentropy", {}, "hot"),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "hot_logits"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "labels"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "label_columns"),
    ("PearsonCorrelation", {}, "real"),
    ("ConcordanceCorrelation", {}, "real"),
    ("R2Score", {}, "real"),
    ("R2Score", {"class_aggregation": None}, "real"),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, "real"),
    ("TruePositives", {}, "binary"),
    ("FalsePositives", {"thresholds": [0.7, 0.2]}, "binary"),
    ("TrueNegatives", {"thresholds": 0.3}, "column"),
    ("FalseNegatives", {"thresholds": [0.2, 0.5, 0.9]}, "flat"),
    ("Precision", {}, "binary"),
    ("Precision", {"thresholds": [0.2, 0.6]}, "flat"),
    ("Precision", {"top_k": 2}, "binary"),
    ("Precision", {"class_id": 1}, "binary"),
    ("Recall", {}, "binary"),
    ("Recall", {"top_k": 1, "class_id": 2}, "binary"),
    ("Recall", {"thresholds": 0.4, "class_id": 0}, "binary"),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, "binary"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.7, "num_thresholds": 20}, "flat"),
    ("PrecisionAtRecall", {"recall": 0.6}, "binary"),
    ("RecallAtPrecision", {"precision": 0.5, "class_id": 2}, "binary"),
    ("RecallAtPrecision", {"precision": 0.99, "num_thresholds": 1}, "binary"),
    ("AUC", {}, "binary"),
    ("AUC", {"summation_method": "minoring", "num_thresholds": 20}, "flat"),
    ("AUC", {"summation_method": "majoring", "curve": "PR"}, "binary"),
    ("AUC", {"curve": "PR"}, "column"),
    ("AUC", {"curve": "PRGAIN", "num_thresholds": 11}, "binary"),
    ("AUC", {"thresholds": [0.7, 0.1, 0.3]}, "binary"),
    ("AUC", {"multi_label": True}, "binary"),
    ("AUC", {"multi_label": True, "num_labels": 4, "curve": "PR", "label_weights": [1.0, 2.0, 3.0, 4.0]}, "binary"),
    ("AUC", {"label_weights": [1.0, 2.0, 3.0, 4.0]}, "binary"),
    ("AUC", {"from_logits": True}, "binary_logits"),
    ("F1Score", {}, "hot"),
    ("F1Score", {"average": "macro", "threshold": 0.5}, "binary"),
    ("FBetaScore", {"beta": 2.0, "average": "micro", "threshold": 0.4}, "binary"),
    ("FBetaScore", {"beta": 0.5, "average": "weighted"}, "hot"),
    ("IoU", {"num_classes": CLASSES, "target_class_ids": [0, 2], "dtype": "float32"}, "classes"),
    ("IoU", {"num_classes": 3, "target_class_ids": (0, 2), "ignore_class": 1}, "classes"),
    ("MeanIoU", {"num_classes": CLASSES}, "classes"),
    ("MeanIoU", {"num_classes": CLASSES, "sparse_y_pred": False}, "labels"),
    ("BinaryIoU", {}, "flat"),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"}, "flat"),
    ("OneHotIoU", {"num_classes": CLASSES, "target_class_ids": [0, 1]}, "hot"),
    ("OneHotMeanIoU", {"num_classes": CLASSES, "dtype": "float32"}, "hot"),
]  # fmt: skip
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in kwargs.items())}-{kind}" for name, kwargs, kind in CATALOGUE]


def _update(metric: Any, y_true: Any, y_pred: Any, weight: Any) -> None:
    half = len(y_pred) // 2
    for part in (slice(0, half), slice(half, None)):
        metric.update_state(y_true[part], y_pred[part], None if weight is None else weight[part])


@pytest.mark.parametrize(("name", "kwargs", "kind"), CATALOGUE, ids=IDS)
def test_results_state_and_config_are_those_of_keras(name, kwargs, kind):
    y_true, y_pred = _data(kind)
    ours = getattr(metrics, name)(**kwargs)
    theirs = getattr(keras.metrics, name)(**{"name": ours.name, **kwargs})
    assert re.sub(r"_\d+$", "", getattr(keras.metrics, name)(**kwargs).name) == ours.name
    whole_weights = ours.dtype == "int32"
    weight = np.arange(len(y_pred)) % 3 + (1 if whole_weights else 0.5)
    for w in (None, weight.astype("int32" if whole_weights else "float32")):
        _update(ours, y_true, y_pred, w)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras asks for int64 where JAX has none
            _update(theirs, y_true, y_pred, w)
        result, expected = np.asarray(ours.result()), np.asarray(theirs.result())
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-6)
        for mine, keras_one in zip(ours.variables, theirs.variables, strict=True):
            assert (mine.path, mine.shape, mine.dtype) == (keras_one.path, keras_one.shape, keras_one.dtype)
            np.testing.assert_allclose(mine.numpy(), np.asarray(keras_one.value), rtol=2e-5, atol=1e-5)
    # Keras drops these arguments from the config, so that a copy computes something else; here they are kept.
    kept = {k: v for k, v in kwargs.items() if k not in theirs.get_config() or k == "label_weights"}
    assert ours.get_config() == theirs.get_config() | kept
    again = metrics.deserialize(metrics.serialize(ours))
    assert again.get_config() == ours.get_config()
    ours.reset_state()
    assert all((v.numpy() == 0).all() for v in ours.variables)


@pytest.mark.parametrize(("name", "kwargs", "kind"), CATALOGUE[::3], ids=IDS[::3])
def test_compiled_equals_eager(name, kwargs, kind):
    y_true, y_pred = _data(kind)
    metric = getattr(metrics, name)(**kwargs)
    metric.prepare(y_true.shape, y_pred.shape)
    start = metric.stateless_reset_state()
    state = jax.jit(metric.stateless_update_state)(start, y_true, y_pred)
    compiled = jax.jit(metric.stateless_result)(state)
    assert all((v.numpy() == 0).all() for v in metric.variables)
    np.testing.assert_allclose(np.asarray(compiled), np.asarray(metric(y_true, y_pred)), rtol=1e-5, atol=1e-6)


FUNCTIONS = [
    ("binary_accuracy", "binary", {}), ("categorical_accuracy", "hot", {}),
    ("sparse_categorical_accuracy", "labels", {}), ("sparse_categorical_accuracy", "label_columns", {}),
    ("top_k_categorical_accuracy", "hot", {"k": 2}),
    ("sparse_top_k_categorical_accuracy", "labels", {"k": 2}), ("pearson_correlation", "real", {"axis": 0}),
    ("concordance_correlation", "real", {}), ("huber", "real", {}), ("mean_squared_error", "real", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "kwargs"), FUNCTIONS)
def test_functions_are_those_of_keras(name, kind, kwargs):
    y_true, y_pred = _data(kind)
    ours, theirs = (np.asarray(getattr(m, name)(y_true, y_pred, **kwargs)) for m in (metrics, keras.metrics))
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()), ((3, 4), ()), ((3, 4), (3,)), ((3, 4), (3, 1)), ((3, 4), (1, 4)), ((3, 4), (3, 4)), ((3,), (3, 1)),
    ((3, 1), (3,)), ((3, 4, 2), (3, 4)), ((3, 4, 2), (3,)),
]  # fmt: skip


@pytest.mark.parametrize(("values", "weights"), SHAPES)
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_weights_of_every_shape_are_spread_as_in_keras(name, values, weights, rng):
    value, weight = rng.normal(size=values).astype("float32"), rng.uniform(size=weights).astype("float32")
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for metric in (ours, theirs):
        metric.update_state(value)
        metric.update_state(value, weight)
    for mine, keras_one in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), np.asarray(keras_one.value), rtol=1e-5, atol=1e-6)
