"""`JaxLayer` and `FlaxLayer`: all forms of arguments, weights, state, randomness, training, refusals."""

from __future__ import annotations

import sys
import types

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, SerializationError

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def dense_init(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 2)), "b": [jnp.zeros(2)]}


def dense(params, inputs):
    return inputs @ params["w"] + params["b"][0]


def counting_init(rng, inputs, training):
    return {"w": jnp.ones((inputs.shape[-1], 2))}, {"calls": jnp.zeros(()), "seen": jnp.zeros(3)}


def counting(params, state, rng, inputs, training):
    state = {"calls": state["calls"] + 1, "seen": state["seen"] + inputs.sum(0)}
    noise = 0.0 if rng is None else jax.random.normal(rng, (inputs.shape[0], 2))
    return inputs @ params["w"] + noise, state


def test_weights_come_from_init_fn_and_train():
    layer = layers.JaxLayer(dense, dense_init, seed=1)
    model = ranvier.Sequential([ranvier.Input((3,)), layer])
    assert [tuple(v.shape) for v in model.trainable_weights] == [(2,), (3, 2)]
    assert model.output_shape == (None, 2)
    model.compile(ranvier.optimizers.Adam(0.1), "mse")
    y = X @ np.ones((3, 2), "float32") + 1
    history = model.fit(X, y, epochs=200, verbose=0).history["loss"]
    assert history[-1] < 1e-2 < history[0]
    np.testing.assert_allclose(model.predict(X, verbose=0), layer(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("params", [{"w": np.ones((3, 2), "float32"), "b": [np.zeros(2, "float32")]}])
def test_given_params_are_the_weights_and_equal_those_of_keras(params):
    ours, theirs = layers.JaxLayer(dense, params=params), keras.layers.JaxLayer(dense, params=params)
    assert ours.built
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-6)
    assert [tuple(v.shape) for v in ours.weights] == [tuple(v.shape) for v in theirs.weights]


def test_state_and_randomness():
    layer = layers.JaxLayer(counting, counting_init, seed=2)
    calm = layer(X)
    np.testing.assert_allclose(calm, X.sum(1, keepdims=True) + np.zeros((1, 2)), rtol=1e-5, atol=1e-6)
    first, second = layer(X, training=True), layer(X, training=True)
    assert np.abs(first - second).max() > 1e-3
    assert [tuple(v.shape) for v in layer.non_trainable_weights] == [(), (3,)]
    calls, seen = layer.non_trainable_weights
    assert float(calls.value) == 3
    np.testing.assert_allclose(seen.value, 3 * X.sum(0), rtol=1e-4, atol=1e-5)
    model = ranvier.Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(X, np.ones((4, 2), "float32"), batch_size=2, epochs=3, verbose=0)
    assert float(calls.value) == 3 + 6


@pytest.mark.parametrize(
    ("call_fn", "arguments"),
    [
        (lambda inputs: inputs * 2, {}),
        (lambda inputs, training: inputs * (3 if training else 2), {}),
        (lambda rng, inputs: inputs * 2, {"seed": 1}),
        (lambda params, inputs: inputs * params, {"params": 2.0}),
        (lambda inputs, params: inputs * params, {"params": 2.0}),
        (lambda params, training, inputs: inputs * params, {"init_fn": lambda inputs: jnp.full((), 2.0)}),
        (lambda state, inputs: (inputs * state[0], state), {"state": [np.float32(2)]}),
        (lambda params, state, inputs: (inputs * state["s"] * params, state), {"params": 1.0, "state": {"s": 2.0}}),
    ],
)  # fmt: skip
def test_forms_of_arguments(call_fn, arguments):
    np.testing.assert_allclose(layers.JaxLayer(call_fn, **arguments)(X), 2 * X, rtol=1e-6)


def test_inputs_may_be_nested():
    layer = layers.JaxLayer(
        lambda params, inputs: inputs["a"] * params + inputs["b"], lambda inputs: jnp.ones(inputs["a"].shape[-1])
    )
    np.testing.assert_allclose(layer({"a": X, "b": X}), 2 * X, rtol=1e-6)


def test_whole_numbers_among_the_params_are_not_trained():
    layer = layers.JaxLayer(lambda params, inputs: inputs * params["n"] * params["x"], params={"n": 2, "x": 1.5})
    np.testing.assert_allclose(layer(X), 3 * X, rtol=1e-6)
    assert [v.dtype for v in layer.trainable_weights] == ["float32"]
    assert [v.dtype for v in layer.non_trainable_weights] == ["int32"]


def test_mixed_policies_compute_in_half_and_keep_the_state_exact():
    layer = layers.JaxLayer(counting, counting_init, dtype="mixed_bfloat16")
    assert layers.JaxLayer(dense, dense_init, dtype="mixed_bfloat16")(X).dtype == "bfloat16"
    layer(X)
    assert all(v.dtype == "float32" for v in layer.weights)


@ranvier.utils.register_keras_serializable("tests")
def registered(params, inputs):
    return inputs * params


@ranvier.utils.register_keras_serializable("tests")
def registered_init(inputs):
    return jnp.full(inputs.shape[-1:], 2.0)


def test_registered_functions_go_into_files(tmp_path):
    model = ranvier.Sequential([ranvier.Input((3,)), layers.JaxLayer(registered, registered_init)])
    model.layers[0].set_weights([np.arange(3, dtype="float32")])
    model.save(tmp_path / "m.keras")
    read = ranvier.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(read.predict(X, verbose=0), X * np.arange(3), rtol=1e-6)
    with pytest.raises(SerializationError, match="lambda"):
        layers.deserialize(layers.serialize(layers.JaxLayer(lambda inputs: inputs)))


REFUSED = [
    (lambda: layers.JaxLayer(3), ArgumentTypeError, "call_fn"),
    (lambda: layers.JaxLayer(lambda params: params), ArgumentError, "inputs"),
    (lambda: layers.JaxLayer(lambda inputs, foo: inputs), ArgumentError, "foo"),
    (lambda: layers.JaxLayer(dense, lambda rng: 1), ArgumentError, "init_fn"),
    (lambda: layers.JaxLayer(dense)(X), ArgumentError, "init_fn"),
    (lambda: layers.JaxLayer(dense, params={"w": "three"}), ArgumentTypeError, "three"),
    (lambda: layers.JaxLayer(counting, dense_init)(X), ArgumentError, r"\(params, state\)"),
    (lambda: layers.JaxLayer(lambda state, inputs: inputs, state=[1.0])(X), ArgumentError, "new state"),
    (lambda: layers.JaxLayer(lambda state, inputs: (inputs, {}), state=[1.0])(X), ArgumentError, "structure"),
]


@pytest.mark.parametrize(("make", "error", "words"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


class FakeModule:
    """What `FlaxLayer` needs of a Flax module: `init` and `apply`, here for a dense layer with a counter."""

    def __call__(self, inputs, training=False):
        return inputs, training

    def init(self, rngs, inputs, method=None, training=False):
        assert set(rngs) == {"params", "dropout"}
        return {"params": {"w": jnp.ones((inputs.shape[-1], 2))}, "stats": {"n": jnp.zeros(())}}

    def apply(self, variables, inputs, rngs=None, method=None, mutable=False, training=False):
        assert (rngs is not None) == training
        factor = 1.0 if method is None else method(self, 2.0)
        y = inputs @ variables["params"]["w"] * factor
        assert bool(mutable) == training
        return (y, {"stats": {"n": variables["stats"]["n"] + 1}}) if mutable else y


@pytest.fixture
def fake_flax(monkeypatch):
    flax, linen = types.ModuleType("flax"), types.ModuleType("flax.linen")
    linen.Module, flax.linen = FakeModule, linen  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flax", flax)
    monkeypatch.setitem(sys.modules, "flax.linen", linen)


def test_a_flax_module_is_a_layer(fake_flax):
    layer = layers.FlaxLayer(FakeModule())
    np.testing.assert_allclose(layer(X), X @ np.ones((3, 2)), rtol=1e-5, atol=1e-6)
    layer(X, training=True)
    assert [tuple(v.shape) for v in layer.trainable_weights] == [(3, 2)]
    (counter,) = layer.non_trainable_weights
    assert float(counter.value) == 1
    doubled = layers.FlaxLayer(FakeModule(), method=lambda module, inputs: inputs)
    np.testing.assert_allclose(doubled(X), 2 * X @ np.ones((3, 2)), rtol=1e-5, atol=1e-5)
    trained = {"params": {"w": jnp.full((3, 2), 5.0)}, "stats": {"n": jnp.ones(())}}
    np.testing.assert_allclose(
        layers.FlaxLayer(FakeModule(), variables=trained)(X), X @ np.full((3, 2), 5.0), rtol=1e-4
    )
    with pytest.raises(ArgumentTypeError, match=r"flax\.linen\.Module"):
        layers.FlaxLayer(object())


def test_without_flax_the_message_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "flax", None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        layers.FlaxLayer(object())


def test_real_flax_modules():
    linen = pytest.importorskip("flax.linen")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, inputs, training=False):
            x = linen.Dense(8)(inputs)
            x = linen.BatchNorm(use_running_average=not training, momentum=0.5)(x)
            return linen.Dense(2)(linen.Dropout(0.5, deterministic=not training)(x))

    model = ranvier.Sequential([ranvier.Input((3,)), layers.FlaxLayer(Net(), seed=1)])
    assert model.output_shape == (None, 2)
    assert len(model.trainable_weights) == 6
    assert len(model.non_trainable_weights) == 2
    before = [np.array(v) for v in model.non_trainable_weights]
    model.compile("adam", "mse")
    model.fit(X, np.ones((4, 2), "float32"), epochs=2, verbose=0)
    assert all(np.abs(b - np.asarray(v)).max() > 0 for b, v in zip(before, model.non_trainable_weights, strict=True))
    assert np.isfinite(model.predict(X, verbose=0)).all()
