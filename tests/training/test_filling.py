"""`evaluate` on data of all sizes: few programs, and never other numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import ranvier
from ranvier import layers, losses, metrics, ops
from ranvier.training.filling import is_fillable

CLASSES = 4


def network(*parts, outputs=CLASSES, activation="softmax", **options):
    model = ranvier.Sequential([layers.Input((5,)), *parts, layers.Dense(outputs, activation)])
    model.compile(**{"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **options})
    return model


def data(rng, rows):
    return rng.random((rows, 5), dtype="float32"), rng.integers(0, CLASSES, rows)


def exact(model, x, y, batch_size=32, weight=None):
    """The same with a program for each size."""
    model.evaluate(x[:1], y[:1], verbose=0)
    model._programs.__dict__["fillable"] = False
    found = model.evaluate(x, y, batch_size=batch_size, sample_weight=weight, verbose=0, return_dict=True)
    del model._programs.__dict__["fillable"]
    return found


def same(found, expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-6, atol=1e-6, err_msg=name)


def programs(compiled):
    return [name for name in compiled if "run" in name]


def test_all_sizes_share_two_programs(rng, compiled):
    model, (x, y) = network(layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dropout(0.5)), data(rng, 200)
    model.evaluate(x[:33], y[:33], verbose=0)
    assert len(programs(compiled)) == 2
    for rows in (34, 40, 63):
        model.evaluate(x[:rows], y[:rows], verbose=0)
    assert len(programs(compiled)) == 2, compiled
    for rows in range(65, 201, 9):
        model.evaluate(x[:rows], y[:rows], verbose=0)
    assert len(programs(compiled)) == 5, compiled  # with room for 2, 4 and 8 batches


def test_small_sizes_share_a_handful(rng, compiled):
    model, (x, y) = network(), data(rng, 32)
    for rows in range(1, 33):
        model.evaluate(x[:rows], y[:rows], verbose=0)
        model.test_on_batch(x[:rows], y[:rows])
    assert len(programs(compiled)) <= 11, compiled  # of 1, 2, 4 … 32 rows: exactly so many, or filled up; and in steps


def test_validation_of_another_size_compiles_nothing(rng, compiled):
    model, (x, y) = network(), data(rng, 200)
    fit = lambda rows: model.fit(x[:64], y[:64], validation_data=(x[:rows], y[:rows]), verbose=0)  # noqa: E731
    fit(70)
    del compiled[:]
    fit(89)
    assert not programs(compiled)


@pytest.mark.parametrize(("rows", "batch_size"), [(1, 32), (5, 32), (33, 32), (64, 32), (95, 32), (20, 7), (5, 2**31)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_numbers_are_those_of_exact_sizes(rng, rows, batch_size, weighted):
    model, (x, y) = (
        network(weighted_metrics=["accuracy"], metrics=["accuracy", "sparse_categorical_crossentropy"]),
        data(rng, rows),
    )
    weight = rng.random(rows).astype("float32") if weighted else None
    expected = exact(model, x, y, batch_size, weight)
    assert model._programs.fillable
    found = model.evaluate(x, y, batch_size=batch_size, sample_weight=weight, verbose=0, return_dict=True)
    same(found, expected)


def test_batches_of_a_generator(rng):
    model, (x, y) = network(), data(rng, 60)
    cuts = [0, 8, 16, 24, 27, 40, 60]
    pairs = list(itertools.pairwise(cuts))
    found = model.evaluate(((x[a:b], y[a:b]) for a, b in pairs), steps=len(pairs), verbose=0, return_dict=True)
    same(found, exact(model, x, y, 60))


def test_penalties_of_weights_are_not_scaled(rng):
    model, (x, y) = network(layers.Dense(3, kernel_regularizer="l2")), data(rng, 45)
    expected = exact(model, x, y)
    assert model._programs.fillable
    same(model.evaluate(x, y, verbose=0, return_dict=True), expected)


def test_infinite_numbers_stay_where_they_are(rng):
    model, (x, y) = network(loss="mse", outputs=1, activation=None, metrics=[]), data(rng, 45)
    expected = exact(model, x, y)
    x = np.concatenate([x, np.full((1, 5), 1e38, "float32")])[::-1]
    y = np.concatenate([y, [0]])[::-1]
    assert np.isfinite(expected["loss"])
    assert not np.isfinite(model.evaluate(x, y, verbose=0))


ROWWISE_LOSSES = [
    losses.MeanSquaredError(), losses.MeanAbsoluteError(), losses.MeanAbsolutePercentageError(),
    losses.MeanSquaredLogarithmicError(), losses.Huber(), losses.LogCosh(), losses.Poisson(), losses.KLDivergence(),
    losses.Hinge(), losses.SquaredHinge(), losses.CategoricalHinge(), losses.BinaryCrossentropy(),
    losses.BinaryFocalCrossentropy(), losses.CategoricalCrossentropy(label_smoothing=0.1),
    losses.CategoricalFocalCrossentropy(), "mse", "kl_divergence",
]  # fmt: skip


@pytest.mark.parametrize("loss", ROWWISE_LOSSES, ids=lambda loss: getattr(loss, "name", loss))
def test_losses(rng, loss):
    model, (x, y) = network(loss=loss, metrics=[]), data(rng, 37)
    y = np.eye(CLASSES, dtype="float32")[y]
    expected = exact(model, x, y)
    assert model._programs.fillable
    same(model.evaluate(x, y, verbose=0, return_dict=True), expected)


METRICS = [
    *(getattr(metrics, name)() for name in (
        "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError", "CosineSimilarity", "LogCoshError", "Poisson", "KLDivergence", "Hinge",
        "SquaredHinge", "CategoricalHinge", "BinaryAccuracy", "CategoricalAccuracy", "BinaryCrossentropy",
        "CategoricalCrossentropy", "R2Score", "PearsonCorrelation", "ConcordanceCorrelation", "TruePositives",
        "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall", "AUC", "F1Score",
    )),
    metrics.TopKCategoricalAccuracy(2), metrics.AUC(multi_label=True, name="by_label"), metrics.Precision(top_k=2, name="top"),
    metrics.PrecisionAtRecall(0.5), metrics.RecallAtPrecision(0.5), metrics.SensitivityAtSpecificity(0.5),
    metrics.SpecificityAtSensitivity(0.5), metrics.OneHotMeanIoU(CLASSES, dtype="float32"),
    metrics.OneHotIoU(CLASSES, [0, 2], dtype="float32"), metrics.BinaryIoU(dtype="float32"),
]  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics(rng, weighted):
    """All at once; those that are not known to count each row for itself have the model computed in exact sizes."""
    known = [m for m in METRICS if not isinstance(m, metrics.F1Score)]
    clones = [type(m).from_config(m.get_config()) for m in known]
    model, (x, y) = network(loss="categorical_crossentropy", metrics=known, weighted_metrics=clones), data(rng, 37)
    y = np.eye(CLASSES, dtype="float32")[y]
    weight = rng.random(37).astype("float32") if weighted else None
    expected = exact(model, x, y, weight=weight)
    assert model._programs.fillable
    same(model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True), expected)


def test_words(rng):
    model = network(layers.Embedding(9, 2), layers.GlobalAveragePooling1D())
    x, y = rng.integers(0, 9, (37, 5)), rng.integers(0, CLASSES, 37)
    expected = exact(model, x, y)
    assert model._programs.fillable
    same(model.evaluate(x, y, verbose=0, return_dict=True), expected)


class Steps(ranvier.Model):
    def test_step(self, data):
        return {"rows": ops.shape(data[0])[0] * 1.0}


class Losses(ranvier.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.max(y_pred)


def functional(cls):
    inputs = layers.Input((5,))
    model = cls(inputs, layers.Dense(CLASSES, "softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def batch_maximum(y_true, y_pred):
    return ops.max(y_pred) + 0 * ops.mean(y_true)


def two_losses():
    inputs = layers.Input((5,))
    model = ranvier.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(1)(inputs)])
    model.compile("sgd", ["mse", "mae"])
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: functional(Steps),
        lambda: functional(Losses),
        two_losses,
        lambda: network(loss=batch_maximum),
        lambda: network(metrics=[batch_maximum]),
        lambda: network(metrics=[metrics.MeanIoU(CLASSES, sparse_y_pred=False)]),
        lambda: network(loss=losses.SparseCategoricalCrossentropy(reduction="sum")),
        lambda: network(loss=losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")),
        lambda: network(loss=losses.SparseCategoricalCrossentropy(ignore_class=0)),
        lambda: network(loss=losses.CosineSimilarity(axis=0)),
        lambda: network(loss=losses.Dice()),
        lambda: network(layers.ActivityRegularization(l2=0.1)),
        lambda: network(layers.Dense(3, activity_regularizer="l2")),
        lambda: network(layers.Masking()),
        lambda: network(layers.Embedding(9, 2, mask_zero=True), layers.GlobalAveragePooling1D()),
        lambda: network(layers.Lambda(lambda x: x - ops.mean(x, axis=0))),
        lambda: network(run_eagerly=True),
    ],
)
def test_where_rows_may_depend_on_each_other_none_are_added(rng, make):
    model, (x, y) = make(), data(rng, 37)
    y = [y, y] if len(model.outputs) == 2 else y
    model._prepare((x, y), learn=False)
    assert not model._programs.fillable


def test_steps_of_the_user_see_exact_sizes(rng):
    model, (x, y) = functional(Steps), data(rng, 37)
    assert model.evaluate(x[:5], y[:5], verbose=0, return_dict=True)["rows"] == 5


def test_one_loss_of_a_model_of_many_outputs(rng):
    inputs = layers.Input((5,))
    model = ranvier.Model(inputs, {"a": layers.Dense(1)(inputs), "b": layers.Dense(2)(inputs)})
    model.compile("sgd", {"a": "mse"})
    x, y = rng.random((37, 5), dtype="float32"), {"a": rng.random((37, 1), dtype="float32")}
    model.evaluate(x, y, verbose=0)
    assert is_fillable(model)
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    model._programs.__dict__["fillable"] = False
    same(found, model.evaluate(x, y, verbose=0, return_dict=True))


def test_sequences_and_their_weights(rng):
    model = ranvier.Sequential([layers.Input((6, 3)), layers.LSTM(4, return_sequences=True), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    x, y = rng.random((37, 6, 3), dtype="float32"), rng.random((37, 6, 1), dtype="float32")
    for weight in (rng.random(37).astype("float32"), rng.random((37, 6)).astype("float32")):
        expected = exact(model, x, y, weight=weight)
        assert model._programs.fillable
        same(model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True), expected)
