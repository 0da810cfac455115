"""Frozen layers, shared layers, tied weights, and `trainable` changed after compiling: as in Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier.core.errors import ArgumentError

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 6)).astype("float32")
Y = rng.normal(size=(64, 2)).astype("float32")


def _frozen(k, freeze: tuple[str, ...]):
    inputs = k.Input((6,))
    x = k.layers.Dense(5, activation="tanh", name="a")(inputs)
    x = k.layers.BatchNormalization(momentum=0.8, name="norm")(x)
    model = k.Model(inputs, k.layers.Dense(2, name="head")(x))
    for name in freeze:
        model.get_layer(name).trainable = False
    return model


def _trained(build, weights, epochs: int = 1):
    """The weights of both libraries' models after training from the same weights on the same data."""
    results = []
    for k in (keras, ranvier):
        model = build(k)
        model.set_weights(weights)
        model.compile(k.optimizers.SGD(0.1, momentum=0.9), "mse")
        model.fit(X, Y, batch_size=32, epochs=epochs, shuffle=False, verbose=0)
        results.append([np.asarray(w) for w in model.get_weights()])
    return results


@pytest.mark.parametrize("freeze", [(), ("a",), ("norm",), ("a", "norm")], ids="+".join)
def test_frozen_layers(freeze):
    def build(k):
        return _frozen(k, freeze)

    model = build(ranvier)
    weights = model.get_weights()
    theirs, mine = _trained(build, weights)
    for one, other in zip(theirs, mine, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    # In the order of the weights: a (2), norm (4), head (2).
    moved = [not np.array_equal(one, other) for one, other in zip(weights, mine, strict=True)]
    assert moved == ["a" not in freeze] * 2 + ["norm" not in freeze] * 4 + [True] * 2
    assert [w.path for w in model.trainable_weights] == [w.path for w in build(keras).trainable_weights]
    assert [w.path for w in model.non_trainable_weights] == [w.path for w in build(keras).non_trainable_weights]


def test_frozen_normalisation_runs_in_inference_mode():
    norm = ranvier.layers.BatchNormalization()
    norm.build((None, 6))
    norm.moving_mean.assign(np.arange(6.0))
    expected = np.asarray(norm(X, training=False))
    norm.trainable = False
    np.testing.assert_array_equal(norm(X, training=True), expected)
    np.testing.assert_array_equal(norm.moving_mean, np.arange(6.0))
    norm.trainable = True
    assert not np.allclose(norm(X, training=True), expected)


def test_trainable_reaches_all_layers_inside():
    def counts(k):
        base = _frozen(k, ())
        outer = k.Sequential([k.Input((6,)), base, k.layers.Dense(1)])
        found = []
        for trainable in (True, False, True):
            base.trainable = trainable
            found.append((len(outer.trainable_weights), len(outer.non_trainable_weights)))
            found.append([layer.trainable for layer in base.layers])
        outer.trainable = False
        base.get_layer("a").trainable = True
        return [*found, len(outer.trainable_weights), base.trainable]

    assert counts(ranvier) == counts(keras)


def test_the_optimizer_keeps_nothing_for_frozen_weights():
    model = _frozen(ranvier, ("a", "norm"))
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    slots = [v for v in model.optimizer.variables if v.shape]
    assert sorted(v.shape for v in slots) == [(2,), (2,), (5, 2), (5, 2)]


@pytest.mark.parametrize("first", [False, True])
def test_trainable_changed_after_compile(first):
    """compile() settles anew what learns: freezing or unfreezing, then compiling, equals building it so."""
    model = _frozen(ranvier, ())
    model.get_layer("a").trainable = first
    model.compile(ranvier.optimizers.SGD(0.1), "mse")
    model.fit(X, Y, batch_size=32, shuffle=False, verbose=0)
    weights = model.get_weights()

    model.get_layer("a").trainable = not first
    model.compile(ranvier.optimizers.SGD(0.1), "mse")
    model.fit(X, Y, batch_size=32, shuffle=False, verbose=0)
    other = _frozen(ranvier, ("a",) if first else ())
    other.set_weights(weights)
    other.compile(ranvier.optimizers.SGD(0.1), "mse")
    other.fit(X, Y, batch_size=32, shuffle=False, verbose=0)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)
    assert np.array_equal(model.get_weights()[0], weights[0]) == first


def test_trainable_changed_without_compiling_again():
    model = _frozen(ranvier, ())
    model.compile("adam", "mse")
    model.get_layer("a").trainable = False  # before the first step it is still time
    model.fit(X, Y, verbose=0)
    assert len(model.optimizer.variables) == 2 + 2 * 4
    before = model.get_weights()
    model.get_layer("a").trainable, model.get_layer("head").trainable = True, False  # as many weights as before
    model.predict(X, verbose=0)
    for _ in range(2):
        with pytest.raises(ArgumentError, match=r"Call compile\(\) again"):
            model.fit(X, Y, verbose=0)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    model.get_layer("a").trainable, model.get_layer("head").trainable = False, True
    model.fit(X, Y, verbose=0)


def _siamese(k):
    shared = k.layers.Dense(4, activation="tanh", name="shared")
    inputs = k.Input((6,))
    one, two = shared(inputs), shared(k.layers.Rescaling(-2.0, name="turned")(inputs))
    return k.Model(inputs, k.layers.Dense(2, name="head")(k.layers.Concatenate(name="both")([one, two])))


def test_a_shared_layer_learns_from_all_its_calls():
    model = _siamese(ranvier)
    assert model.count_params() == 6 * 4 + 4 + 8 * 2 + 2
    assert len(model.weights) == 4
    theirs, mine = _trained(_siamese, model.get_weights(), epochs=2)
    for one, other in zip(theirs, mine, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_layer_shared_by_two_models():
    shared = ranvier.layers.Dense(4, name="shared")
    inputs = ranvier.Input((6,))
    one = ranvier.Model(inputs, ranvier.layers.Dense(2)(shared(inputs)))
    two = ranvier.Model(inputs, ranvier.layers.Dense(2)(shared(inputs)))
    before = two.predict(X, verbose=0)
    one.compile("sgd", "mse")
    one.fit(X, Y, verbose=0)
    assert not np.allclose(two.predict(X, verbose=0), before)
    shared.trainable = False
    assert len(one.trainable_weights) == len(two.trainable_weights) == 2


def _tied(k):
    class Tied(k.layers.Layer):
        """Back through the transposed kernel of another layer."""

        def __init__(self, source, **kwargs):
            super().__init__(**kwargs)
            self.source = source

        def build(self, input_shape):
            self.bias = self.add_weight(shape=(6,), initializer="zeros", name="bias")

        def call(self, inputs):
            return k.ops.matmul(inputs, k.ops.transpose(self.source.kernel)) + self.bias

    encoder = k.layers.Dense(3, activation="tanh", name="encoder")
    inputs = k.Input((6,))
    decoded = Tied(encoder, name="decoder")(encoder(inputs))
    return k.Model(inputs, k.layers.Dense(2, name="head")(decoded))


def test_tied_weights_count_and_learn_once():
    model = _tied(ranvier)
    assert model.count_params() == 6 * 3 + 3 + 6 + 6 * 2 + 2
    assert len(model.trainable_weights) == len(_tied(keras).trainable_weights) == 5
    theirs, mine = _trained(_tied, model.get_weights(), epochs=2)
    for one, other in zip(theirs, mine, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_base_under_a_new_head():
    base = ranvier.Sequential(
        [ranvier.Input((6,)), ranvier.layers.Dense(5, activation="tanh"), ranvier.layers.BatchNormalization()]
    )
    first = ranvier.Sequential([base, ranvier.layers.Dense(2)])
    first.compile("adam", "mse")
    first.fit(X, Y, verbose=0)
    learnt = base.get_weights()
    base.trainable = False
    second = ranvier.Sequential([base, ranvier.layers.Dense(2)])
    second.compile("adam", "mse")
    second.fit(X, Y, epochs=2, verbose=0)
    for one, other in zip(learnt, base.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    base.trainable = True
    second.compile(ranvier.optimizers.Adam(1e-3), "mse")
    second.fit(X, Y, verbose=0)
    assert all(not np.array_equal(a, b) for a, b in zip(learnt, base.get_weights(), strict=True))
