"""`predict` of dense networks by the compiled kernel: the numbers of the general way, and the same bits in every way.
Skipped where the kernels are not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
import ranvier.tuning
from ranvier import layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataWarning
from ranvier.ops import compiled as kernels
from ranvier.training.dense_prediction import dense_prediction
from ranvier.training.state import TrainState

installed = pytest.importorskip("ranvier_kernels", reason="the compiled kernels are not installed")
if "ranvier_predict_dense" not in installed.TARGETS:
    pytest.skip("the installed kernels are older than that for predictions", allow_module_level=True)

BATCHES = (1, 2, 5, 31, 32, 300, 1024)


@pytest.fixture(autouse=True)
def only_this_kernel(monkeypatch):
    """This kernel, whatever the environment says, and no other."""
    installed.register()
    monkeypatch.setattr(kernels, "_registered", lambda: frozenset({"ranvier_predict_dense"}))


def sequential(*parts: Any, shape: tuple[int, ...] = (7,), dtype: str = "float32") -> Any:
    return ranvier.Sequential([layers.Input(shape, dtype=dtype), *parts])


def direct(net: Any, x: Any) -> Any:
    """What the kernel itself gives, past `predict`."""
    predictor = dense_prediction(net, net._roles())
    assert predictor is not None
    return predictor(x)


def general(net: Any, x: Any) -> np.ndarray:
    return np.asarray(net(x, training=False))


def settled(net: Any) -> Any:
    """The same with all weights of normalisations moved away from where they begin."""
    rng = np.random.default_rng(3)
    for variable in net.variables:
        if variable.name in ("moving_mean", "beta", "bias"):
            variable.assign(rng.normal(size=variable.shape))
        elif variable.name in ("moving_variance", "gamma"):
            variable.assign(rng.uniform(0.3, 2, size=variable.shape))
    return net


@pytest.mark.parametrize("width", [1, 3, 17, 33, 513])
@pytest.mark.parametrize("rows", BATCHES)
def test_widths_and_batches(rng, width, rows):
    net = settled(sequential(layers.Dense(width, "relu"), layers.Dense(10, "softmax"), shape=(width,)))
    x = rng.normal(size=(rows, width)).astype("float32")
    net.predict(x[:1], verbose=0)
    found = net.predict(x, batch_size=1024, verbose=0)
    np.testing.assert_array_equal(found, direct(net, x))
    np.testing.assert_allclose(found, general(net, x), rtol=2e-5, atol=2e-6)


ACTIVATIONS = ["linear", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "silu"]
LAYERS = {
    **{name: lambda name=name: layers.Dense(20, name) for name in ACTIVATIONS},
    "Activation": lambda: layers.Activation("tanh"),
    "BatchNormalization": layers.BatchNormalization,
    "BatchNormalization, plain": lambda: layers.BatchNormalization(center=False, scale=False, epsilon=0.1),
    "Dropout": lambda: layers.Dropout(0.5),
    "ELU": lambda: layers.ELU(0.7),
    "Flatten": layers.Flatten,
    "LeakyReLU": lambda: layers.LeakyReLU(0.1),
    "ReLU": layers.ReLU,
    "ReLU, leaky": lambda: layers.ReLU(negative_slope=0.2),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_layers(rng, kind, rows):
    net = settled(sequential(layers.Dense(19), LAYERS[kind](), layers.Dense(3, use_bias=False)))
    x = rng.normal(size=(rows, 7)).astype("float32")
    np.testing.assert_allclose(direct(net, x), general(net, x), rtol=2e-5, atol=5e-6)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_images_that_are_rescaled(rng, dtype):
    net = sequential(
        layers.Rescaling(1 / 127.5, offset=-1), layers.Flatten(), layers.Dropout(0.2), layers.Dense(9, "tanh"), layers.Dense(4),
        layers.Softmax(), shape=(6, 5), dtype=dtype,
    )  # fmt: skip
    x = rng.integers(0, 256, (33, 6, 5)).astype(dtype)
    np.testing.assert_allclose(direct(net, x), general(net, x), rtol=2e-5, atol=2e-6)
    net.predict(x, verbose=0)
    np.testing.assert_array_equal(net.predict(x, verbose=0), direct(net, x))


def test_every_way_gives_a_row_the_same_bits(rng):
    net = settled(sequential(layers.Dense(65, "silu"), layers.BatchNormalization(), layers.Dense(10, "softmax")))
    x = rng.normal(size=(333, 7)).astype("float32")
    whole = direct(net, x)
    for rows in (1, 2, 3, 4, 5, 31, 32, 33, 300):
        np.testing.assert_array_equal(net.predict(x[:rows], verbose=0), whole[:rows])
        np.testing.assert_array_equal(net.predict(x[-rows:], batch_size=400, verbose=0), whole[-rows:])
        np.testing.assert_array_equal(net.predict_on_batch(x[:rows]), whole[:rows])
    callback = ranvier.callbacks.Callback()
    for batch_size in (1, 32, 50, 333):
        np.testing.assert_array_equal(net.predict(x, batch_size, verbose=0, callbacks=[callback]), whole)
    np.testing.assert_array_equal(net.predict(iter([x[:7], x[7:8]]), verbose=0), whole[:8])
    np.testing.assert_array_equal(net.predict(x[::2], verbose=0), whole[::2])  # not in one piece
    np.testing.assert_array_equal(net.predict(x.tolist(), verbose=0), whole)


class Told(ranvier.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.parts: list[np.ndarray] = []

    def on_predict_batch_end(self, batch, logs=None):
        self.parts.append(logs["outputs"])


def test_callbacks_hear_of_each_batch(rng):
    net, told = sequential(layers.Dense(3)), Told()
    x = rng.normal(size=(70, 7)).astype("float32")
    outputs = net.predict(x, verbose=0, callbacks=[told])
    assert [len(part) for part in told.parts] == [32, 32, 6]
    np.testing.assert_array_equal(np.concatenate(told.parts), outputs)


def test_new_weights_are_seen(rng):
    net = sequential(layers.Dense(20, "relu"), layers.BatchNormalization(), layers.Dense(2, "softmax"))
    net.compile("adam", "sparse_categorical_crossentropy")
    x, y = rng.normal(size=(64, 7)).astype("float32"), rng.integers(0, 2, 64)
    first = net.predict(x, verbose=0)
    for change in (
        lambda: net.fit(x, y, verbose=0),
        lambda: net.train_on_batch(x, y),
        lambda: net.set_weights([w + 0.1 for w in net.get_weights()]),
        lambda: net.layers[1].moving_mean.assign_add(np.ones(20)),
    ):
        change()
        found = net.predict(x, verbose=0)
        assert not np.array_equal(found, first)
        np.testing.assert_allclose(found, general(net, x), rtol=2e-5, atol=2e-6)
        np.testing.assert_array_equal(found, direct(net, x))
        first = found


def test_training_goes_on_in_place_after_a_prediction(rng):
    """Nothing keeps hold of the weights' memory, which training takes over."""
    net = sequential(layers.Dense(20, "relu"), layers.Dense(2))
    net.compile("sgd", "mse")
    x, y = rng.normal(size=(64, 7)).astype("float32"), np.zeros((64, 2), "float32")
    net.fit(x, y, verbose=0)
    net.predict(x, verbose=0), net.predict(x, verbose=0)
    weights = net.layers[0].kernel.value
    net.fit(x, y, verbose=0)
    assert weights.is_deleted()


def test_frozen_layers_and_penalties_make_no_difference(rng):
    net = sequential(layers.Dense(20, "relu", kernel_regularizer="l2", bias_constraint="non_neg"), layers.Dense(2))
    net.layers[0].trainable = False
    x = rng.normal(size=(9, 7)).astype("float32")
    np.testing.assert_allclose(direct(net, x), general(net, x), rtol=2e-5, atol=2e-6)


def test_a_result_is_the_callers_own(rng):
    net = sequential(layers.Dense(3))
    x = rng.normal(size=(2, 7)).astype("float32")
    net.predict(x, verbose=0)
    first = net.predict(x, verbose=0)
    kept = first.copy()
    second = net.predict(x, verbose=0)
    second[:] = 0
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(net.predict(x, verbose=0), kept)
    assert first.flags.writeable
    assert first.flags.owndata


def test_what_is_not_finite_is_warned_of(rng):
    net = sequential(layers.Dense(3))
    x = rng.normal(size=(40, 7)).astype("float32")
    net.predict(x, verbose=0)
    x[33, 2] = np.nan
    with pytest.warns(DataWarning, match="in row 33"):
        found = net.predict(x, verbose=0)
    assert np.isnan(found[33]).all()
    assert np.isfinite(found[:33]).all()


def test_bad_arguments_are_refused_as_ever(rng):
    net = sequential(layers.Dense(3))
    x = rng.normal(size=(4, 7)).astype("float32")
    net.predict(x, verbose=0)
    for wrong in (0, -1, 2.5, "all"):
        with pytest.raises((ArgumentError, ArgumentTypeError), match="batch_size"):
            net.predict(x, batch_size=wrong, verbose=0)
    for rows in (x[:, :6], x[0], x[:0]):
        with pytest.raises(Exception, match=r"."):
            net.predict(rows, verbose=0)


def graph(function: Any) -> Any:
    inputs = layers.Input((7,))
    return ranvier.Model(inputs, function(inputs))


class Own(ranvier.Model):
    def predict_step(self, data):
        return data * 0


class OwnDense(layers.Dense):
    def call(self, inputs):
        return super().call(inputs) + 1


OTHERS = {
    "a branch": lambda: graph(lambda x: layers.Add()([layers.Dense(3)(x), layers.Dense(3)(x)])),
    "two outputs": lambda: graph(lambda x: [layers.Dense(3)(x), layers.Dense(2)(x)]),
    "a layer of the user's": lambda: sequential(OwnDense(3)),
    "an activation of the user's": lambda: sequential(layers.Dense(3, lambda x: x * 2)),
    "half precision": lambda: sequential(layers.Dense(3, dtype="mixed_float16")),
    "a softmax in the middle": lambda: sequential(layers.Dense(3, "softmax"), layers.Dense(2)),
    "no product": lambda: sequential(layers.Flatten()),
    "another axis": lambda: sequential(layers.Dense(3), layers.Softmax(axis=0)),
    "sequences": lambda: sequential(layers.Dense(3), shape=(2, 7)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_models_go_the_general_way(rng, kind):
    net = OTHERS[kind]()
    assert dense_prediction(net, net._roles()) is None
    x = rng.normal(size=(5, *net.inputs[0].shape[1:])).astype("float32")
    expected = net(x)
    for _ in range(2):
        found = net.predict(x, verbose=0)
        pairs = zip(found, expected, strict=True) if isinstance(expected, list) else [(found, expected)]
        for a, b in pairs:
            np.testing.assert_allclose(a, np.asarray(b), rtol=2e-3, atol=2e-3)


def test_a_step_of_the_users_own_is_run(rng):
    inputs = layers.Input((7,))
    net = Own(inputs, layers.Dense(3)(inputs))
    x = rng.normal(size=(5, 7)).astype("float32")
    for _ in range(2):
        assert not net.predict(x, verbose=0).any()


def test_large_networks_are_not_copied(rng, monkeypatch):
    from ranvier.training import dense_prediction as module

    monkeypatch.setattr(module, "_LARGE", 20)
    net = sequential(layers.Dense(3, "relu"), layers.Dense(2))
    x = rng.normal(size=(5, 7)).astype("float32")
    assert direct(net, x) is None
    for _ in range(2):
        np.testing.assert_allclose(net.predict(x, verbose=0), general(net, x), rtol=2e-5, atol=2e-6)


LOSSES = {"a name": "categorical_crossentropy", "a function": lambda y, p: ((y - p) ** 3).mean(axis=-1)}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("rows", [20, 64, 75])
def test_evaluation(rng, monkeypatch, loss, rows):
    parts = [layers.Dense(20, "relu", kernel_regularizer="l2"), layers.BatchNormalization(), layers.Dense(3, "softmax")]
    net = settled(sequential(*parts))
    net.compile("sgd", LOSSES[loss], metrics=["accuracy", "mae", ranvier.metrics.AUC(num_thresholds=20)])
    x, y = rng.normal(size=(rows, 7)).astype("float32"), np.eye(3, dtype="float32")[rng.integers(0, 3, rows)]
    weights = rng.random(rows)
    batches = [(x[i : i + 16], y[i : i + 16]) for i in range(0, rows, 16)]

    def all_of_it() -> list[Any]:
        net.make_test_function(force=True)
        return [
            net.evaluate(x, y, verbose=0),
            net.evaluate(x, y, batch_size=16, sample_weight=weights, verbose=0),
            net.evaluate(x, y, verbose=0, callbacks=[ranvier.callbacks.Callback()]),
            net.evaluate(iter(batches), verbose=0),
            net.test_on_batch(x, y),
        ]

    found = all_of_it()
    assert "ffi_call" in _program(net, x, y)
    monkeypatch.setattr(kernels, "_registered", lambda: frozenset())
    for ours, others in zip(found, all_of_it(), strict=True):
        np.testing.assert_allclose(ours, others, rtol=1e-5, atol=1e-6)
    assert "ffi_call" not in _program(net, x, y)


def _program(net: Any, x: Any, y: Any) -> str:
    """What a test of a chunk of steps does."""
    import jax

    programs = net._prepare((x, y), learn=False)
    state = TrainState.take(programs.roles)
    return str(jax.make_jaxpr(programs.chunk(False, 16, "slices"))(state, (x, y, None), None, 0, 1))


def test_validation(rng, monkeypatch):
    x, y = rng.normal(size=(70, 7)).astype("float32"), rng.integers(0, 3, 70)
    found = []
    for usable in (frozenset({"ranvier_predict_dense"}), frozenset()):
        monkeypatch.setattr(kernels, "_registered", lambda usable=usable: usable)
        ranvier.utils.set_random_seed(1)
        net = sequential(layers.Dense(20, "relu"), layers.Dropout(0.5), layers.Dense(3, "softmax"))
        net.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        found.append(net.fit(x, y, epochs=3, validation_split=0.5, verbose=0).history)
    for name, values in found[0].items():
        np.testing.assert_allclose(values, found[1][name], rtol=1e-5)


@pytest.mark.parametrize("how", ["sequential", "vmap"])
def test_candidates_have_their_own_numbers(rng, monkeypatch, how):
    """A population's programs are shared by models that differ in numbers, which the kernels have in them."""
    monkeypatch.setattr(kernels, "_registered", lambda: frozenset(installed.TARGETS))
    x, y = rng.normal(size=(64, 6)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")

    def build(slope, momentum):
        net = sequential(layers.Dense(30), layers.LeakyReLU(slope), layers.Dense(1), shape=(6,))
        net.compile(ranvier.optimizers.SGD(0.05, momentum=momentum), "mse")
        return net

    rows = {"slope": [0.1, 0.9], "momentum": [0.1, 0.8]}
    population = ranvier.tuning.Population(build, rows, seeds=[1, 2])
    population.fit(x, y, epochs=3, verbose=0, how=how, validation_data=(x, y))
    monkeypatch.setattr(kernels, "_registered", lambda: frozenset())
    for i, own in enumerate(population.models):
        ranvier.utils.set_random_seed(i + 1)
        alone = build(rows["slope"][i], rows["momentum"][i])
        history = alone.fit(x, y, epochs=3, verbose=0, validation_data=(x, y)).history
        np.testing.assert_allclose(population.result.histories[i]["val_loss"], history["val_loss"], rtol=1e-4)
        np.testing.assert_allclose(own.predict(x, verbose=0), general(alone, x), rtol=1e-3, atol=1e-4)


def test_losses_that_layers_add_are_counted(rng):
    net = sequential(layers.Dense(20, "relu", activity_regularizer="l2"), layers.Dense(3))
    net.compile("sgd", "mse")
    x = rng.normal(size=(40, 7)).astype("float32")
    y = np.asarray(net(x))
    assert net.evaluate(x, y, verbose=0) > 0.01


def test_a_test_step_of_the_users_own_is_run(rng):
    class Testing(ranvier.Sequential):
        def test_step(self, data):
            return {"mine": 7.0}

    net = Testing([layers.Input((7,)), layers.Dense(3)])
    net.compile("sgd", "mse")
    assert net.evaluate(np.ones((40, 7), "float32"), np.ones((40, 3)), verbose=0, return_dict=True) == {"mine": 7.0}


def test_several_threads_predict_at_a_time(rng):
    from concurrent.futures import ThreadPoolExecutor

    net = settled(sequential(layers.Dense(300, "relu"), layers.Dense(300, "tanh"), layers.Dense(5)))
    x = rng.normal(size=(200, 7)).astype("float32")
    net.predict(x, verbose=0)
    expected = direct(net, x)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: net.predict(x, verbose=0), range(40)):
            np.testing.assert_array_equal(found, expected)
