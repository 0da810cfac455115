"""Distillation, held to Keras's numbers where Keras does what it says."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import scipy.special

import ranvier
from ranvier import distillation, layers, losses
from ranvier.core.errors import ArgumentError, ArgumentTypeError, ShapeError
from ranvier.distillation import Distiller, FeatureDistillation, LogitsDistillation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = RNG.integers(0, 3, 32)
T, S = RNG.normal(size=(2, 5, 3)).astype("float32")


def network(package, name, width=8):
    return package.Sequential(
        [
            package.Input((4,)),
            package.layers.Dense(width, "relu", name=f"{name}_hidden"),
            package.layers.Dense(3, name=f"{name}_out"),
        ],
        name=name,
    )


def pair(package, seed=1):
    rng = np.random.default_rng(seed)
    models = network(package, "teacher"), network(package, "student")
    for model in models:
        model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    return models


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_kl_divergence_is_hintons(temperature):
    p, q = scipy.special.softmax(T / temperature, -1), scipy.special.softmax(S / temperature, -1)
    expected = temperature**2 * np.mean(np.sum(p * np.log(p / q), -1))
    for loss in ("kl_divergence", losses.KLDivergence()):
        found = LogitsDistillation(temperature, loss).compute_loss(T, S)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    theirs = keras.distillation.LogitsDistillation(temperature, keras.losses.KLDivergence()).compute_loss(T, S)
    np.testing.assert_allclose(theirs, expected, rtol=1e-5)


def test_other_losses_are_those_of_keras():
    for ours, theirs in (
        (LogitsDistillation(2.0, "mse"), keras.distillation.LogitsDistillation(2.0, "mse")),
        (FeatureDistillation(), keras.distillation.FeatureDistillation()),
        (FeatureDistillation("cosine_similarity"), keras.distillation.FeatureDistillation("cosine_similarity")),
    ):
        np.testing.assert_allclose(ours.compute_loss(T, S), theirs.compute_loss(T, S), rtol=1e-5)
        assert ours.get_config() == theirs.get_config()
        assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()
    both = {"a": T, "b": S}, {"a": S, "b": S}
    partly = LogitsDistillation(2.0, {"a": "mse", "b": None}).compute_loss(*both)
    np.testing.assert_allclose(partly, LogitsDistillation(2.0, "mse").compute_loss(T, S))
    several = LogitsDistillation(2.0, ["mse", "mse"]).compute_loss([T, T], [S, S])
    np.testing.assert_allclose(several, 2 * partly, rtol=1e-6)


def distilled(package, models, **options):
    kinds = package.distillation
    kl = kinds.LogitsDistillation(2.0, package.losses.KLDivergence())
    hints = kinds.FeatureDistillation(teacher_layer_name="teacher_hidden", student_layer_name="student_hidden")
    distiller = kinds.Distiller(*models, [kl, hints], [0.7, 0.3], **options)
    loss = package.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(package.optimizers.SGD(0.05), loss, metrics=["accuracy"])
    return distiller


def test_training_is_that_of_keras():
    found = []
    for package in (ranvier, keras):
        teacher, student = pair(package)
        before = teacher.get_weights()
        distiller = distilled(package, (teacher, student), student_loss_weight=0.4)
        history = distiller.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0).history
        evaluated = distiller.evaluate(X, Y, verbose=0, return_dict=True)
        found.append(
            [*(history[k] for k in sorted(history)), *(evaluated[k] for k in sorted(evaluated)), *student.get_weights()]
        )
        assert sorted(history) == ["accuracy", "distillation_loss", "loss", "student_loss", "total_loss"]
        for one, two in zip(before, teacher.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(distiller.predict(X, verbose=0), student.predict(X, verbose=0))
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-5)


def test_roles_of_the_weights():
    distiller = distilled(ranvier, pair(ranvier))
    assert [v.path for v in distiller.trainable_variables] == [
        "student/student_hidden/kernel", "student/student_hidden/bias", "student/student_out/kernel", "student/student_out/bias",
    ]  # fmt: skip
    assert len(distiller.non_trainable_variables) == 4
    assert distiller.built


def test_ends_of_the_weighting():
    teacher, student = pair(ranvier)
    alone = Distiller(teacher, student, LogitsDistillation(), student_loss_weight=0.0)
    alone.compile("sgd", "mse")
    logs = alone.fit(X, epochs=1, verbose=0).history
    assert logs["student_loss"] == [0.0]
    assert logs["loss"] == logs["distillation_loss"] != [0.0]
    ignoring = Distiller(teacher, student, LogitsDistillation(), student_loss_weight=1.0)
    ignoring.compile("sgd", "mse")
    logs = ignoring.fit(X, np.eye(3)[Y], epochs=1, verbose=0).history
    assert logs["distillation_loss"] == [0.0]
    assert logs["loss"] == logs["student_loss"]


def test_dropout_of_the_student_is_drawn_once_per_step():
    teacher = network(ranvier, "teacher")
    inputs = ranvier.Input((4,))
    dropped = layers.Dropout(0.5, name="dropped")(inputs)
    student = ranvier.Model(inputs, layers.Dense(3, name="out", kernel_initializer="ones")(dropped))

    class Same(distillation.DistillationLoss):
        teacher_layer_name, student_layer_name = None, "dropped"

        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return ranvier.ops.sum(student_outputs)

    class Seen(distillation.DistillationLoss):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return ranvier.ops.sum(student_outputs) / 3

    distiller = Distiller(teacher, student, [Same(), Seen()], [1.0, -1.0], student_loss_weight=0.0)
    distiller.compile("sgd", "mse")
    # The layer's and the model's outputs belong to the same draw: with a kernel of ones their sums agree.
    assert abs(distiller.train_on_batch(X, np.eye(3)[Y], return_dict=True)["loss"]) < 1e-3


def test_distillers_are_saved_with_both_models(tmp_path):
    distiller = distilled(ranvier, pair(ranvier), student_loss_weight=0.4)
    distiller.fit(X, Y, verbose=0)
    distiller.save(tmp_path / "d.keras")
    again = ranvier.models.load_model(tmp_path / "d.keras")
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(distiller.evaluate(X, Y, verbose=0))
    assert again.distillation_loss_weights == [0.7, 0.3]


def test_refusals():
    teacher, student = pair(ranvier)
    kl = LogitsDistillation()
    for arguments, words in (
        ((3, student, kl), "teacher must be a model"),
        ((teacher, student, None), "distillation_losses"),
        ((teacher, student, [3]), "distillation losses"),
        ((teacher, student, [kl], [0.1, 0.2]), "one number for each"),
        ((teacher, student, kl, None, 1.5), "from 0 to 1"),
        ((teacher, student, FeatureDistillation(teacher_layer_name="nope")), "teacher has no layer 'nope'"),
    ):
        with pytest.raises(ArgumentError, match=words):
            Distiller(*arguments)
    narrow = ranvier.Sequential([ranvier.Input((4,)), layers.Dense(2)])
    with pytest.raises(ShapeError, match="output shapes"):
        Distiller(narrow, student, kl)
    with pytest.raises(ArgumentError, match="loss=None"):
        Distiller(teacher, student, kl).compile("sgd")
    for temperature in (0, -1, "hot", True):
        with pytest.raises(ArgumentError, match="temperature"):
            LogitsDistillation(temperature)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="at least one loss"):
        LogitsDistillation(loss=None)
    with pytest.raises(ShapeError, match="compares"):
        kl.compute_loss(T, S[:, :2])
    with pytest.raises(ArgumentError, match="outputs to compare"):
        kl.compute_loss([T], [S, S])
    with pytest.raises(ArgumentTypeError, match="must define compute_loss"):
        distillation.DistillationLoss().compute_loss(T, S)
