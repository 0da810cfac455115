"""Whole models in ``.h5`` files: both ways with Keras 3, and what Keras 2 wrote."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import RanvierWarning, SerializationError
from ranvier.files.legacy_config import modern

OLD = Path(__file__).parent / "keras2"
BOTH = pytest.mark.parametrize(
    ("writer", "reader"), [(ranvier, keras), (keras, ranvier), (ranvier, ranvier)], ids=["here", "there", "alone"]
)


def graph(k):
    kind = k.layers
    inner = k.Sequential([k.Input((4,)), kind.Dense(2), kind.BatchNormalization()], name="inner")
    inputs = k.Input((3,))
    shared = kind.Dense(4, name="shared")
    x = shared(kind.Dense(4, activation="relu", kernel_regularizer="l2")(inputs))
    return k.Model(inputs, inner(kind.Add()([shared(x), x])))


def chain(k):
    kind = k.layers
    return k.Sequential([k.Input((3,)), kind.Reshape((3, 1)), kind.Bidirectional(kind.LSTM(2)), kind.Dense(2)])


@BOTH
@pytest.mark.parametrize("make", [graph, chain])
def test_models_and_training_go_on(make, writer, reader, tmp_path, rng):
    x, y = rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    model = make(writer)
    model.compile(
        writer.optimizers.Adam(writer.optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)),
        writer.losses.MeanSquaredError(),
        metrics=["mae"],
    )
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.h5")
    again = reader.models.load_model(tmp_path / "m.h5")
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    if reader is ranvier:  # Keras 3 leaves it to chance
        for one, two in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6)
        histories = [m.fit(x, y, epochs=2, verbose=0, shuffle=False).history for m in (model, again)]
        for key in ("loss", "mae"):
            np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-4)
    fresh = make(reader)
    fresh.load_weights(tmp_path / "m.h5")
    np.testing.assert_allclose(fresh.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_names_and_mismatches(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="a"), keras.layers.Dense(2, name="b")])
    model.save(tmp_path / "m.h5")
    other = ranvier.Sequential(
        [ranvier.Input((3,)), layers.Dense(4, name="a"), layers.Dense(5, name="b"), layers.Dense(2, name="c")]
    )
    with pytest.raises(SerializationError, match="Pass by_name=True"):
        other.load_weights(tmp_path / "m.h5")
    with pytest.raises(ValueError, match=r"b/kernel.* has shape \(4, 5\)"):
        other.load_weights(tmp_path / "m.h5", by_name=True)
    with pytest.warns(RanvierWarning, match="2 weights do not fit"):
        report = other.load_weights(tmp_path / "m.h5", by_name=True, skip_mismatch=True)
    assert (len(report.taken), len(report.skipped), len(report.missing)) == (2, 2, 2)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("name", ["sequential", "functional", "embedding"])
def test_models_of_keras_2(name):
    """The files were written by tf_keras 2; `keras2/make.py` says how."""
    numbers = np.load(OLD / "numbers.npz")
    inputs = [numbers[key] for key in sorted(numbers) if key.startswith(f"{name}_x")]
    expected = [numbers[key] for key in sorted(numbers) if key.startswith(f"{name}_y")]
    with pytest.warns(RanvierWarning, match="optimizer's state"):
        model = ranvier.models.load_model(OLD / f"{name}.h5")
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    for one, two in zip(found if len(expected) > 1 else [found], expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
    assert model.compiled
    if name == "sequential":
        results = model.evaluate(inputs[0], np.arange(6) % 3, verbose=0, return_dict=True)
        assert sorted(results) == ["accuracy", "ce", "loss"]
    if name == "embedding":
        assert isinstance(model.optimizer.get_config()["learning_rate"], dict)
        model.set_weights([w * 0 for w in model.get_weights()])
        model.load_weights(OLD / "embedding_weights.h5")
        np.testing.assert_allclose(model.predict(inputs[0], verbose=0), expected[0], rtol=1e-5, atol=1e-6)


def test_code_and_unknown_things_are_refused(tmp_path):
    for name, words in (("lambda", "holds code"), ("operators", "Unknown class 'TFOpLambda'")):
        with pytest.raises(SerializationError, match=words) as error:
            ranvier.models.load_model(OLD / f"{name}.h5")
        assert len(str(error.value)) < 1000
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "k.h5")
    with pytest.raises(SerializationError, match="holds code"):
        ranvier.models.load_model(tmp_path / "k.h5")
    with pytest.raises(SerializationError, match="holds no model"):
        ranvier.models.load_model(OLD / "embedding_weights.h5")
    (tmp_path / "x.h5").write_bytes(b"nonsense")
    with pytest.raises(SerializationError, match="not an HDF5 file"):
        ranvier.models.load_model(tmp_path / "x.h5")


def test_weights_alone_have_another_method(tmp_path):
    with pytest.raises(SerializationError, match="save_weights"):
        chain(ranvier).save(tmp_path / "m.weights.h5")


def test_subclasses_have_no_such_file(tmp_path):
    class Net(ranvier.Model):
        def call(self, x):
            return x

    model = Net()
    model.build((None, 2))
    with pytest.raises(SerializationError, match=r"Save it as '\.keras'"):
        model.save(tmp_path / "m.h5")


def test_settings_that_are_gone():
    def layer(kind, **config):
        return modern({"class_name": kind, "config": config})["config"]

    assert layer("LSTM", units=2, implementation=2, time_major=False) == {"units": 2}
    with pytest.raises(SerializationError, match="time_major=True"):
        layer("LSTM", units=2, time_major=True)
    assert layer("BatchNormalization", axis=[3]) == {"axis": 3}
    assert layer("MeanSquaredError", reduction="auto") == {"reduction": "sum_over_batch_size"}
    assert layer("CategoryEncoding", sparse=True) == {"sparse": True}
    with pytest.raises(SerializationError, match=r"decay=0\.1"):
        layer("Adam", learning_rate=0.1, decay=0.1)
    with pytest.raises(SerializationError, match="levels"):
        modern(nested(200))


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value
