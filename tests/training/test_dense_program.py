"""Dense networks trained by one call of the compiled kernel: the numbers of the general program, over layers, losses,
optimizers and sizes. Skipped where the kernels are not installed; run with them by `make kernels`."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier import layers, losses, metrics

from .beside_general import (
    OPTIMIZERS,
    SPARSE,
    Counted,
    General,
    assert_close,
    both,
    data_of,
    model_of,
    needs_kernel,
    state_of,
)

pytestmark = [needs_kernel, pytest.mark.usefixtures("only_dense_kernel")]

# --- the catalogue ------------------------------------------------------------------------------------------------------

ACTIVATIONS = ["linear", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "silu", "swish"]


@pytest.mark.parametrize("some", [ACTIVATIONS[:3], ACTIVATIONS[3:6], ACTIVATIONS[6:]], ids=str)
def test_activations(some: list[str], counted: Counted):
    def stack() -> Any:
        products = [layer for name in some for layer in (layers.Dense(9, name), layers.Activation(name))]
        return [*products, layers.Dense(3, "softmax")]

    both(lambda: model_of(stack, metrics=["accuracy"]), data_of())
    assert counted.made


def _functions() -> Any:
    return [
        layers.ReLU(),
        layers.LeakyReLU(0.01),
        layers.ELU(0.5),
        layers.ReLU(negative_slope=0.3),
        layers.Activation("tanh"),
    ]


def _dropouts() -> Any:
    return [layers.Dropout(0.5), layers.Dense(16), layers.Dropout(0.9), layers.Dropout(0.01), layers.Dropout(0)]


def _normalisations() -> Any:
    return [
        layers.BatchNormalization(),
        layers.Activation("tanh"),
        layers.BatchNormalization(momentum=0.5, epsilon=0.1),
    ]


@pytest.mark.parametrize("some", [_functions, _dropouts, _normalisations])
def test_layers(some: Any):
    stack = lambda: [layers.Dense(17, use_bias=False), *some(), layers.Dense(3), layers.Softmax()]  # noqa: E731
    both(lambda: model_of(stack), data_of())


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        (losses.CategoricalCrossentropy, "softmax"),
        (losses.CategoricalCrossentropy, "sigmoid"),
        (lambda: losses.CategoricalCrossentropy(label_smoothing=0.2), "softmax"),
        (lambda: losses.CategoricalCrossentropy(from_logits=True), "linear"),
        (lambda: losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.3), "linear"),
        (lambda: losses.CategoricalCrossentropy(from_logits=True), "softmax"),
        (losses.BinaryCrossentropy, "sigmoid"),
        (losses.BinaryCrossentropy, "softmax"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid"),
        (lambda: losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), "linear"),
        (losses.MeanSquaredError, "linear"),
        (losses.MeanSquaredError, "softmax"),
        (losses.MeanAbsoluteError, "tanh"),
        (lambda: losses.mean_squared_error, "linear"),
        (lambda: "binary_crossentropy", "sigmoid"),
    ],
)
def test_losses(loss: Any, last: str):
    x, y = data_of()
    stack = lambda: [layers.Dense(6, "tanh"), layers.Dense(3, last)]  # noqa: E731
    both(lambda: model_of(stack, loss=loss(), metrics=["mse"]), (x, np.eye(3, dtype="float32")[y]))


@pytest.mark.parametrize("dtype", ["int32", "float64", "bool"])
def test_targets_of_other_dtypes(dtype: str):
    x, y = data_of()
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1)
    both(lambda: model_of(lambda: [layers.Dense(3, "softmax")], loss=loss), (x, np.eye(3)[y].astype(dtype)))


@pytest.mark.parametrize(
    ("from_logits", "shape", "dtype"),
    [(False, -1, "uint8"), (True, -1, "int64"), (False, (-1, 1), "float32"), (True, (-1, 1), "int32")],
)
def test_sparse_labels(from_logits: bool, shape: Any, dtype: str):
    x, y = data_of()
    stack = lambda: [layers.Dense(6, "relu"), layers.Dense(3, None if from_logits else "softmax")]  # noqa: E731
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    both(lambda: model_of(stack, loss=loss, metrics=["accuracy"]), (x, y.reshape(shape).astype(dtype)))


@pytest.mark.parametrize("loss", ["mse", "mae", "binary_crossentropy"])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_output(loss: str, shape: Any):
    x, y = data_of(classes=2)
    last = "sigmoid" if loss.startswith("binary") else None
    counts = ["AUC", "Precision", "accuracy"] if last else ["mae", metrics.RootMeanSquaredError()]
    stack = lambda: [layers.Dense(33, "relu"), layers.Dense(1, last)]  # noqa: E731
    both(lambda: model_of(stack, loss=loss, metrics=counts), (x, y.reshape(shape).astype("float32")))


@pytest.mark.parametrize("scale", [30.0, 200.0])
@pytest.mark.parametrize(
    ("loss", "last"), [("binary_crossentropy", "sigmoid"), ("categorical_crossentropy", "softmax")]
)
def test_saturated_probabilities(loss: str, last: str, scale: float):
    """Where probabilities are held within bounds nothing is learnt, in both programs."""
    x, y = data_of()
    both(lambda: model_of(lambda: [layers.Dense(3, last)], loss=loss), (x * scale, np.eye(3)[y]), tolerance=1e-3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str):
    stack = lambda: [layers.Dense(11, "tanh"), layers.Dense(3, "softmax")]  # noqa: E731
    ours, _ = both(lambda: model_of(stack, optimizer=OPTIMIZERS[name]), data_of())
    assert int(ours.optimizer.iterations) == 8


@pytest.mark.parametrize(
    ("width", "size"),
    [(1, 32), (3, 32), (16, 32), (33, 32), (100, 32), (513, 32), (17, 1), (17, 2), (17, 5), (17, 300), (17, 330)],
)
def test_sizes(width: int, size: int):
    """Widths around the blocks of columns, batches around the pieces of rows; normalised, and dropped."""
    x, y = data_of(3 * size, (width,))

    def stack() -> Any:
        return [
            layers.Dropout(0.2), layers.Dense(width, "tanh"), layers.Dense(width), layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]  # fmt: skip

    both(lambda: model_of(stack, (width,), optimizer=OPTIMIZERS["momentum"]), (x, y), batch_size=size)


@pytest.mark.parametrize("size", [5, 32, 330])
def test_normalised_batches(size: int):
    def stack() -> Any:
        return [
            layers.Dense(19, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.Dense(17, "tanh"),
            layers.BatchNormalization(center=False), layers.Dense(18, use_bias=False),
            layers.BatchNormalization(scale=False), layers.Dense(3), layers.BatchNormalization(center=False, scale=False),
            layers.Softmax(),
        ]  # fmt: skip

    both(lambda: model_of(stack), data_of(size * 3), batch_size=size, tolerance=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_bias_before_a_normalisation(optimizer: str):
    """It changes nothing that is learnt, so its gradient is 0; the general program has rounding for it, and Adam's steps
    are as long for rounding as for gradients. Predictions are the same: the moving mean takes it away, too."""
    stack = lambda: [layers.Dense(17), layers.BatchNormalization(momentum=0.0), layers.Dense(3, "softmax")]  # noqa: E731
    x, y = data_of()
    results = []
    for context in (contextlib.nullcontext(), General()):
        with context:
            model = model_of(stack, optimizer=OPTIMIZERS[optimizer])
            before = model.layers[0].bias.numpy()
            history = model.fit(x, y, epochs=3, batch_size=16, verbose=0, shuffle=False).history
        results.append((model.predict(x, verbose=0), history["loss"], model.layers[0].bias.numpy() - before))
    assert not results[0][2].any()
    np.testing.assert_allclose(results[0][0], results[1][0], atol=0.02 if optimizer == "adam" else 1e-4)
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-3)


def test_images_of_bytes():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (64, 6, 5), "uint8"), rng.integers(0, 3, 64)

    def stack() -> Any:
        return [
            layers.Rescaling(1 / 127.5, offset=-1), layers.Flatten(), layers.Dropout(0.3), layers.Dense(20, "relu"),
            layers.Dense(3, "softmax"),
        ]  # fmt: skip

    both(lambda: model_of(stack, (6, 5)), (x, y))
    both(lambda: model_of(lambda: [layers.Flatten(), layers.Rescaling(0.5), *stack()[2:]], (6, 5)), (x / 255, y))
    both(
        lambda: model_of(lambda: [layers.Dropout(0.3), layers.Flatten(), layers.Dense(3, "softmax")], (6, 5)),
        (x / 255, y),
    )


@pytest.mark.parametrize("dtype", ["float64", "int64", "float16"])
def test_inputs_of_other_dtypes(dtype: str):
    x, y = data_of()
    both(lambda: model_of(lambda: [layers.Dense(7, "relu"), layers.Dense(3, "softmax")]), ((x * 2).astype(dtype), y))


def test_inputs_declared_as_integers():
    """What the model makes of its inputs before the first layer is kept."""
    x, y = data_of()

    def make() -> Any:
        rv.utils.set_random_seed(7)
        inputs = rv.Input((5,), dtype="int32")
        model = rv.Model(inputs, layers.Dense(3, "softmax")(layers.Rescaling(0.5)(inputs)))
        model.compile("sgd", SPARSE)
        return model

    ours = make()
    ours.fit(x * 5, y, epochs=2, verbose=0)
    with General():
        theirs = make()
        theirs.fit(x * 5, y, epochs=2, verbose=0)
    assert_close(state_of(ours), state_of(theirs))


def test_one_layer_and_many():
    both(lambda: model_of(lambda: [layers.Dense(3, "softmax", use_bias=False)]), data_of())
    deep = lambda: [*[layers.Dense(12, "selu") for _ in range(8)], layers.Dense(3, "softmax")]  # noqa: E731
    both(lambda: model_of(deep, optimizer=OPTIMIZERS["adam"]), data_of(), tolerance=1e-3)


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_networks(data: Any):
    features, classes = data.draw(st.integers(1, 40)), data.draw(st.integers(2, 20))
    size, n = data.draw(st.integers(1, 40)), data.draw(st.integers(2, 80))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    plan = []
    for _ in range(data.draw(st.integers(0, 3))):
        plan += [("dense", data.draw(st.integers(1, 50)), data.draw(st.booleans()))]
        for kind in data.draw(st.lists(st.sampled_from(["norm", "drop", *ACTIVATIONS]), max_size=2)):
            if not (kind == "norm" and (size == 1 or n % size == 1)):
                plan += [(kind, plan[-1][0] == "dense")]

    def stack() -> Any:
        made: list[Any] = []
        for i, (kind, *options) in enumerate(plan):
            if kind == "dense":
                bare = i + 1 < len(plan) and plan[i + 1][0] == "norm"  # whose gradient would be rounding
                made.append(layers.Dense(options[0], use_bias=options[1] and not bare))
            elif kind == "norm":
                made.append(layers.BatchNormalization(epsilon=0.1))
            else:
                made.append(layers.Dropout(0.25) if kind == "drop" else layers.Activation(kind))
        return [*made, layers.Dense(classes, "softmax")]

    x, y = rng.normal(size=(n, features)).astype("float32"), rng.integers(0, classes, n)
    optimizer = data.draw(st.sampled_from(["sgd", "momentum", "nesterov", "decaying"]))
    both(lambda: model_of(stack, (features,), optimizer=OPTIMIZERS[optimizer]), (x, y), 2e-3, batch_size=size, epochs=1)
