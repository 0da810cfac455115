"""Several optimizers at once, held to Keras's."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import ranvier
from ranvier import callbacks, optimizers
from ranvier.core.errors import ArgumentError, ArgumentTypeError
from ranvier.core.names import name_scope
from ranvier.core.variables import Variable
from ranvier.optimizers import SGD, Adam, MultiOptimizer, OptimizerMap


def chain(package):
    return package.Sequential(
        [package.Input((3,)), package.layers.Dense(4, "tanh", name="first"), package.layers.Dense(1, name="second")],
        name="net",
    )


def several(package, **options):
    kinds = package.optimizers
    optimizer_map = kinds.OptimizerMap(kinds.Adam(0.05, name="rest"), {"net/first/.*": kinds.SGD(0.2, name="own")})
    return kinds.MultiOptimizer(optimizer_map, name="multi", **options)


@pytest.mark.parametrize("options", [{}, {"loss_scale_factor": 8.0}], ids=str)
def test_training_is_that_of_keras(rng, options):
    x, y = rng.normal(size=(32, 3)).astype("float32"), rng.normal(size=(32, 1)).astype("float32")
    ours, theirs = chain(ranvier), chain(keras)
    theirs.set_weights(ours.get_weights())
    states = []
    for package, model in ((ranvier, ours), (keras, theirs)):
        model.compile(several(package, **options), "mse")
        model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
        states.append([*model.get_weights(), *(np.asarray(v.value) for v in model.optimizer.variables)])
    assert [v.path for v in ours.optimizer.variables] == [v.path for v in theirs.optimizer.variables]
    for mine, other in zip(*states, strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=1e-5)
    assert int(ours.optimizer.iterations) == 12


def test_configs_are_those_of_keras_and_make_equal_optimizers():
    ours, theirs = several(ranvier), several(keras)
    assert json.loads(json.dumps(optimizers.serialize(ours))) == json.loads(
        json.dumps(keras.optimizers.serialize(theirs))
    )
    again = optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert again.get_config() == ours.get_config()
    assert [type(o) for o in again.optimizers] == [SGD, Adam]


def test_state_travels_through_files(tmp_path, rng):
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    model = chain(ranvier)
    model.compile(several(ranvier), "mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras")
    for m in (model, again):
        m.fit(x, y, verbose=0, shuffle=False)
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_callable_may_choose():
    matrices, vectors = SGD(0.1), SGD(1.0)
    optimizer = MultiOptimizer(lambda variable: matrices if variable.ndim == 2 else vectors)
    model = chain(ranvier)
    model.compile(optimizer, "mse")
    before = model.get_weights()
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 1)))
    assert optimizer.optimizers == [matrices, vectors]
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))
    with pytest.raises(ArgumentError, match="no optimizer"):
        MultiOptimizer(lambda variable: None).build(model.trainable_variables)


def test_callbacks_see_and_set_every_learning_rate():
    model = chain(ranvier)
    model.compile(several(ranvier), "mse")
    half = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=2, callbacks=[half], verbose=0).history
    np.testing.assert_allclose(history["learning_rate_own"], [0.1, 0.05])
    np.testing.assert_allclose(history["learning_rate_rest"], [0.025, 0.0125])
    reduce = callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=100, mode="min")
    history = model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=2, callbacks=[reduce], verbose=0).history
    assert float(model.optimizer.optimizers[0].learning_rate) == pytest.approx(0.005)
    with pytest.raises(AttributeError, match="learning rate"):
        model.optimizer.learning_rate = 1.0


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_maps_find_by_whole_paths_and_refuse_the_same(package):
    kinds = package.optimizers
    mapping = kinds.OptimizerMap(kinds.Adam(), {"a": kinds.SGD(), "b.*": kinds.SGD()})
    found = [type(mapping[path]).__name__ for path in ("a", "x/a", "bcd", "ab")]
    assert found == ["SGD", "Adam", "SGD", "Adam"]
    assert list(mapping) == ["a", "b.*"]
    assert len(mapping) == 2
    with pytest.raises(ValueError, match="already"):
        mapping["a"] = kinds.SGD()
    with pytest.raises(ValueError, match="3"):
        mapping["c"] = 3
    with pytest.raises(TypeError, match="default_optimizer"):
        kinds.OptimizerMap("adam")
    mapping[".*d"] = kinds.SGD()
    with pytest.raises(ValueError):
        mapping["bcd"]
    del mapping["a"]
    assert list(mapping) == ["b.*", ".*d"]


def test_refusals():
    with pytest.raises(ArgumentTypeError, match="OptimizerMap"):
        MultiOptimizer(3)  # type: ignore[arg-type]
    optimizer = MultiOptimizer(OptimizerMap(SGD()))
    model = chain(ranvier)
    optimizer.build(model.trainable_variables)
    with pytest.raises(ArgumentError, match="numbers must be equal"):
        optimizer.apply([np.ones(1)])
    with pytest.raises(ArgumentError, match="not built for"):
        optimizer.apply([np.ones(1)], [ranvier.Variable(1.0)])


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"])
def test_legacy_optimizers_say_that_they_are_gone(name):
    for package in (optimizers, keras.optimizers):
        with pytest.raises(ImportError):
            getattr(package.legacy, name)(0.1)


def test_muons_steps_by_their_public_names(rng):
    x = rng.normal(size=(5, 3)).astype("float32")
    ours, theirs = optimizers.Muon(), keras.optimizers.Muon()
    for name, arguments in (("transpose_last_axis", ()), ("lr_adjust", ()), ("zeropower_via_newtonschulz5", (5,))):
        np.testing.assert_allclose(
            getattr(ours, name)(x, *arguments), getattr(theirs, name)(x, *arguments), rtol=1e-4, atol=1e-5
        )


def test_map_called_with_a_variable_gives_its_optimizer():
    special, usual = SGD(0.1), SGD(0.2)
    chosen = OptimizerMap(usual, {".*/special": special})
    with name_scope("layer"):
        assert chosen(Variable(np.zeros(1, "float32"), name="special")) is special
        assert chosen(Variable(np.zeros(1, "float32"), name="other")) is usual
