"""Dense networks trained by one call of the compiled kernel: the numbers of the general program, and the same bits however
the steps are cut into calls. Skipped where the kernels are not installed; run with them by `make kernels`."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier import callbacks, layers, losses, metrics, optimizers
from ranvier.core.errors import DataError, RanvierWarning
from ranvier.ops import compiled as kernels
from ranvier.training import dense_program
from ranvier.training.state import TrainState

installed = pytest.importorskip("ranvier_kernels", reason="the compiled kernels are not installed")
if "ranvier_train_dense" not in installed.TARGETS:
    pytest.skip("the installed kernels are older than that for dense networks", allow_module_level=True)

SPARSE = "sparse_categorical_crossentropy"


@pytest.fixture(autouse=True)
def only_this_kernel(monkeypatch: Any):
    """The dense kernel, whatever the environment says, and no other: beside it runs the pure general program."""
    installed.register()
    monkeypatch.setattr(kernels, "_registered", lambda: frozenset({"ranvier_train_dense"}))


class General:
    """A context in which the general program trains."""

    def __enter__(self) -> None:
        self._usable = dense_program.kernel_usable
        dense_program.kernel_usable = lambda name: False

    def __exit__(self, *exception: Any) -> None:
        dense_program.kernel_usable = self._usable


class Counted:
    """Counts the steps' programs that the kernel made, in `made`."""

    def __init__(self, monkeypatch: Any):
        self.made = 0
        train = dense_program.DenseProgram._train

        def counted(*args: Any) -> Any:
            self.made += 1
            return train(*args)

        monkeypatch.setattr(dense_program.DenseProgram, "_train", counted)


@pytest.fixture
def counted(monkeypatch: Any) -> Counted:
    return Counted(monkeypatch)


def _model(
    stack: Any, shape: tuple[int, ...] = (5,), loss: Any = SPARSE, optimizer: Any = "sgd", **compiling: Any
) -> Any:
    rv.utils.set_random_seed(7)
    model = rv.Sequential([rv.Input(shape), *stack()])
    model.compile(optimizer=optimizer() if callable(optimizer) else optimizer, loss=loss, **compiling)
    return model


def _data(n: int = 64, shape: tuple[int, ...] = (5,), classes: int = 3) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, *shape)).astype("float32")
    return x, (np.abs(x.reshape(n, -1)).sum(1) * 7).astype("int32") % classes


def _state(model: Any) -> dict[str, list[np.ndarray]]:
    optimizer = [np.asarray(v) for v in model.optimizer.variables]
    return {
        "trainable": [np.asarray(v) for v in model.trainable_variables],
        "other": [np.asarray(v) for v in model.non_trainable_variables],
        "optimizer": optimizer,
    }


def _close(found: Any, expected: Any, tolerance: float = 3e-5) -> None:
    assert found.keys() == expected.keys()
    for part in expected:
        for a, b in zip(found[part], expected[part], strict=True):
            if b.dtype.kind in "iu":
                np.testing.assert_array_equal(a, b, err_msg=part)
            else:
                scale = max(1.0, float(np.abs(b).max(initial=0)))
                np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale, err_msg=part)


@contextlib.contextmanager
def _hastily() -> Iterator[None]:
    """XLA compiles without its optimisations, in half the time: what it computes is the same to rounding."""
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def _both(make: Any, data: Any, tolerance: float = 3e-5, **fit: Any) -> Any:
    """Fit by the kernel and by the general program, and compare all that is left of it."""
    with _hastily():
        return _compared(make, data, tolerance, fit)


def _compared(make: Any, data: Any, tolerance: float, fit: dict[str, Any]) -> Any:
    results = []
    for general in (False, True):
        model = make()
        arguments = {"batch_size": 16, "epochs": 2, "verbose": 0} | fit
        if general:
            with General():
                history = model.fit(*data, **arguments).history
                assert model._programs._dense(True) is None
        else:
            history = model.fit(*data, **arguments).history
            assert model._programs._dense(True) is not None
        results.append((model, history))
    (ours, found), (theirs, expected) = results
    _close(_state(ours), _state(theirs), tolerance)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=10 * tolerance, atol=tolerance, err_msg=name)
    return ours, theirs


# --- the catalogue ------------------------------------------------------------------------------------------------------

ACTIVATIONS = ["linear", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "silu", "swish"]


@pytest.mark.parametrize("some", [ACTIVATIONS[:3], ACTIVATIONS[3:6], ACTIVATIONS[6:]], ids=str)
def test_activations(some: list[str], counted: Counted):
    def stack() -> Any:
        products = [layer for name in some for layer in (layers.Dense(9, name), layers.Activation(name))]
        return [*products, layers.Dense(3, "softmax")]

    _both(lambda: _model(stack, metrics=["accuracy"]), _data())
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
    _both(lambda: _model(stack), _data())


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
    x, y = _data()
    stack = lambda: [layers.Dense(6, "tanh"), layers.Dense(3, last)]  # noqa: E731
    _both(lambda: _model(stack, loss=loss(), metrics=["mse"]), (x, np.eye(3, dtype="float32")[y]))


@pytest.mark.parametrize("dtype", ["int32", "float64", "bool"])
def test_targets_of_other_dtypes(dtype: str):
    x, y = _data()
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1)
    _both(lambda: _model(lambda: [layers.Dense(3, "softmax")], loss=loss), (x, np.eye(3)[y].astype(dtype)))


@pytest.mark.parametrize(
    ("from_logits", "shape", "dtype"),
    [(False, -1, "uint8"), (True, -1, "int64"), (False, (-1, 1), "float32"), (True, (-1, 1), "int32")],
)
def test_sparse_labels(from_logits: bool, shape: Any, dtype: str):
    x, y = _data()
    stack = lambda: [layers.Dense(6, "relu"), layers.Dense(3, None if from_logits else "softmax")]  # noqa: E731
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    _both(lambda: _model(stack, loss=loss, metrics=["accuracy"]), (x, y.reshape(shape).astype(dtype)))


@pytest.mark.parametrize("loss", ["mse", "mae", "binary_crossentropy"])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_output(loss: str, shape: Any):
    x, y = _data(classes=2)
    last = "sigmoid" if loss.startswith("binary") else None
    counts = ["AUC", "Precision", "accuracy"] if last else ["mae", metrics.RootMeanSquaredError()]
    stack = lambda: [layers.Dense(33, "relu"), layers.Dense(1, last)]  # noqa: E731
    _both(lambda: _model(stack, loss=loss, metrics=counts), (x, y.reshape(shape).astype("float32")))


@pytest.mark.parametrize("scale", [30.0, 200.0])
@pytest.mark.parametrize(
    ("loss", "last"), [("binary_crossentropy", "sigmoid"), ("categorical_crossentropy", "softmax")]
)
def test_saturated_probabilities(loss: str, last: str, scale: float):
    """Where probabilities are held within bounds nothing is learnt, in both programs."""
    x, y = _data()
    _both(lambda: _model(lambda: [layers.Dense(3, last)], loss=loss), (x * scale, np.eye(3)[y]), tolerance=1e-3)


SCHEDULES = optimizers.schedules
OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "decaying": lambda: optimizers.SGD(0.05, momentum=0.9, weight_decay=0.1),
    "adam": lambda: optimizers.Adam(0.01),
    "adam of its own": lambda: optimizers.Adam(0.01, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
    "decaying adam": lambda: optimizers.Adam(0.01, weight_decay=0.1),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "rmsprop": lambda: optimizers.RMSprop(0.01, rho=0.7),
    "decaying rmsprop": lambda: optimizers.RMSprop(0.01, weight_decay=0.01),
    "exponential": lambda: optimizers.SGD(SCHEDULES.ExponentialDecay(0.1, 3, 0.7)),
    "cosine": lambda: optimizers.Adam(SCHEDULES.CosineDecay(0.0, 8, warmup_target=0.02, warmup_steps=3)),
    "steps": lambda: optimizers.AdamW(SCHEDULES.PiecewiseConstantDecay([2, 5], [0.02, 0.01, 0.001]), weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str):
    stack = lambda: [layers.Dense(11, "tanh"), layers.Dense(3, "softmax")]  # noqa: E731
    ours, _ = _both(lambda: _model(stack, optimizer=OPTIMIZERS[name]), _data())
    assert int(ours.optimizer.iterations) == 8


@pytest.mark.parametrize(
    ("width", "size"),
    [(1, 32), (3, 32), (16, 32), (33, 32), (100, 32), (513, 32), (17, 1), (17, 2), (17, 5), (17, 300), (17, 330)],
)
def test_sizes(width: int, size: int):
    """Widths around the blocks of columns, batches around the pieces of rows; normalised, and dropped."""
    x, y = _data(3 * size, (width,))

    def stack() -> Any:
        return [
            layers.Dropout(0.2), layers.Dense(width, "tanh"), layers.Dense(width), layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]  # fmt: skip

    _both(lambda: _model(stack, (width,), optimizer=OPTIMIZERS["momentum"]), (x, y), batch_size=size)


@pytest.mark.parametrize("size", [5, 32, 330])
def test_normalised_batches(size: int):
    def stack() -> Any:
        return [
            layers.Dense(19, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.Dense(17, "tanh"),
            layers.BatchNormalization(center=False), layers.Dense(18, use_bias=False),
            layers.BatchNormalization(scale=False), layers.Dense(3), layers.BatchNormalization(center=False, scale=False),
            layers.Softmax(),
        ]  # fmt: skip

    _both(lambda: _model(stack), _data(size * 3), batch_size=size, tolerance=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_bias_before_a_normalisation(optimizer: str):
    """It changes nothing that is learnt, so its gradient is 0; the general program has rounding for it, and Adam's steps
    are as long for rounding as for gradients. Predictions are the same: the moving mean takes it away, too."""
    stack = lambda: [layers.Dense(17), layers.BatchNormalization(momentum=0.0), layers.Dense(3, "softmax")]  # noqa: E731
    x, y = _data()
    results = []
    for context in (contextlib.nullcontext(), General()):
        with context:
            model = _model(stack, optimizer=OPTIMIZERS[optimizer])
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

    _both(lambda: _model(stack, (6, 5)), (x, y))
    _both(lambda: _model(lambda: [layers.Flatten(), layers.Rescaling(0.5), *stack()[2:]], (6, 5)), (x / 255, y))
    _both(
        lambda: _model(lambda: [layers.Dropout(0.3), layers.Flatten(), layers.Dense(3, "softmax")], (6, 5)),
        (x / 255, y),
    )


@pytest.mark.parametrize("dtype", ["float64", "int64", "float16"])
def test_inputs_of_other_dtypes(dtype: str):
    x, y = _data()
    _both(lambda: _model(lambda: [layers.Dense(7, "relu"), layers.Dense(3, "softmax")]), ((x * 2).astype(dtype), y))


def test_inputs_declared_as_integers():
    """What the model makes of its inputs before the first layer is kept."""
    x, y = _data()

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
    _close(_state(ours), _state(theirs))


def test_one_layer_and_many():
    _both(lambda: _model(lambda: [layers.Dense(3, "softmax", use_bias=False)]), _data())
    deep = lambda: [*[layers.Dense(12, "selu") for _ in range(8)], layers.Dense(3, "softmax")]  # noqa: E731
    _both(lambda: _model(deep, optimizer=OPTIMIZERS["adam"]), _data(), tolerance=1e-3)


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
    _both(lambda: _model(stack, (features,), optimizer=OPTIMIZERS[optimizer]), (x, y), 2e-3, batch_size=size, epochs=1)


# --- ways of training ---------------------------------------------------------------------------------------------------


def _small() -> Any:
    return [layers.Dense(9, "relu"), layers.Dropout(0.3), layers.Dense(3, "softmax")]


@pytest.mark.parametrize(
    "fit",
    [
        {"validation_split": 0.3}, {"shuffle": False}, {"shuffle": "batch"}, {"batch_size": 70}, {"batch_size": 100},
        {"batch_size": 35, "epochs": 5}, {"steps_per_epoch": 3, "epochs": 1}, {"verbose": 2}, {"initial_epoch": 1, "epochs": 3},
    ],
    ids=str,
)  # fmt: skip
def test_ways_to_fit(fit: Any, capsys: Any):
    _both(lambda: _model(_small, optimizer="adam", metrics=["accuracy"]), _data(70), tolerance=2e-4, **fit)


def test_many_steps_and_epochs():
    """More than are counted side by side, a number that is no multiple of them, and an incomplete last batch."""
    _both(lambda: _model(_small, metrics=["accuracy"]), _data(75 * 3 + 2), batch_size=3, epochs=3, tolerance=1e-4)


@pytest.mark.parametrize(
    "weights", [{"class_weight": {0: 1.0, 1: 5.0, 2: 0.0}}, {"sample_weight": np.arange(64.0)}], ids=str
)
def test_weights_are_left_to_the_general_program(weights: Any, counted: Counted):
    x, y = _data()
    found = []
    for general in (False, True):
        model = _model(_small, weighted_metrics=["accuracy"])
        if general:
            with General():
                model.fit(x, y, verbose=0, **weights)
        else:
            model.fit(x, y, verbose=0, **weights)
        found.append(_state(model))
    assert not counted.made
    for part, values in found[0].items():
        for a, b in zip(values, found[1][part], strict=True):
            np.testing.assert_array_equal(a, b)


class Batches(callbacks.Callback):
    """Notes what callbacks are told, and the first weight they see."""

    def __init__(self):
        super().__init__()
        self.told = []

    def on_train_batch_end(self, batch, logs=None):
        self.told.append([batch, *logs.values(), float(self.model.trainable_variables[0].numpy().sum())])


def test_callbacks_at_every_batch(counted: Counted):
    x, y = _data()
    heard, general = Batches(), Batches()
    _model(_small, optimizer="adam").fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[heard])
    assert counted.made
    with General():
        _model(_small, optimizer="adam").fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[general])
    assert len(heard.told) == 8
    np.testing.assert_allclose(heard.told, general.told, rtol=1e-4, atol=1e-4)


def test_generators(counted: Counted):
    x, y = _data(96)

    def batches() -> Any:
        for i in range(0, 96, 20):
            yield x[i : i + 20], y[i : i + 20]

    found = []
    for general in (False, True):
        model = _model(_small, optimizer="adam", metrics=["accuracy"])
        if general:
            with General():
                history = model.fit(batches(), verbose=0).history
        else:
            history = model.fit(batches(), verbose=0).history
            assert counted.made
        found.append((_state(model), history))
    _close(found[0][0], found[1][0], 2e-4)
    for name, values in found[1][1].items():
        np.testing.assert_allclose(found[0][1][name], values, rtol=1e-4)


class Largest(metrics.Metric):
    """A metric that does not add up: the largest output so far, of batches in which anything is above the threshold."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.most = self.add_variable((), "zeros", name="most")
        self.batches = self.add_variable((), "ones", name="batches")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.most.assign(jax.numpy.maximum(self.most.value, y_pred.max()))
        self.batches.assign(self.batches.value * 2)

    def result(self):
        return self.most.value + self.batches.value

    def reset_state(self):
        self.most.assign(0.0)
        self.batches.assign(1.0)


class OwnMean(metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_pred[:, 0] * self.total.value)


@pytest.mark.parametrize(
    "counts",
    [
        [Largest], [lambda: OwnMean(name="m")], [lambda: "accuracy", Largest],
        [lambda: metrics.SparseTopKCategoricalAccuracy(2), lambda: "accuracy", lambda: "sparse_categorical_crossentropy"],
        [lambda: lambda y_true, y_pred: y_pred.max(-1)],
    ],
)  # fmt: skip
def test_metrics_of_labels(counts: Any):
    _both(lambda: _model(_small, metrics=[c() for c in counts]), _data(), batch_size=9)


def test_all_metrics_are_counted_alike():
    """Batches are counted side by side only by metrics that add them up."""
    options: dict[str, Any] = {
        "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,), "PrecisionAtRecall": (0.5,),
        "RecallAtPrecision": (0.5,), "OneHotMeanIoU": (3,), "OneHotIoU": (3, [0, 1]), "BinaryIoU": ([0, 1],),
        "F1Score": ("macro",), "FBetaScore": ("macro",),
        "MeanRelativeError": (np.ones(3, "float32"),),
    }  # fmt: skip
    bases_and_others = ("Metric", "MeanMetricWrapper", "Mean", "Sum", "MeanIoU", "IoU")  # the last two take classes
    found = {
        n: k
        for n, k in vars(metrics).items()
        if isinstance(k, type) and issubclass(k, metrics.Metric) and n not in bases_and_others
    }
    kinds = {n: k for n, k in found.items() if not n.startswith("Sparse")}
    assert len(kinds) > 30
    x, y = _data(120)
    target = np.eye(3, dtype="float32")[y]
    stack = lambda: [layers.Dense(5, "relu"), layers.Dense(3, "softmax")]  # noqa: E731
    make = lambda: _model(stack, loss="mse", metrics=[k(*options.get(n, ()), name=n.lower()) for n, k in kinds.items()])  # noqa: E731
    _both(make, (x, target), batch_size=6, epochs=1, tolerance=1e-4)


@pytest.mark.filterwarnings("ignore::ranvier.core.errors.DataWarning")
@pytest.mark.parametrize(("at", "every"), [(0, False), (37, False), (69, False), (37, True), (69, True)])
def test_a_bad_loss_is_warned_of_with_its_step(at: int, every: bool):
    x, y = _data(70)
    x[at, 2] = np.nan
    model = _model(_small, metrics=["accuracy"])
    hooks = [Batches()] if every else []
    with pytest.warns(RanvierWarning, match=f"at step {at // 16} of epoch 1"):
        model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0, callbacks=hooks)
    with pytest.warns(RanvierWarning, match="at step 0 of epoch 1"):
        model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)


def test_no_warning_without_reason():
    x, y = _data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _model(_small).fit(x, y, batch_size=16, epochs=2, verbose=0)


def test_a_mistaken_label_is_refused_as_ever():
    x, y = _data()
    y[13] = 3
    with pytest.raises(DataError, match=r"y\[13\] = 3 is too large"):
        _model(_small).fit(x, y, verbose=0)


# --- the same bits ------------------------------------------------------------------------------------------------------


def _wide() -> Any:
    return [layers.Dense(130, "relu"), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3, "softmax")]


@pytest.mark.parametrize("how", ["rows", "slices", "stacked"])
def test_the_bits_do_not_depend_on_the_lengths_of_calls(how: str):
    batch = 8
    x, y = _data(40 * batch, (140,))
    model = _model(_wide, (140,), optimizer="adam", metrics=["accuracy", "sparse_categorical_crossentropy"])
    programs = model._prepare((x[:4], y[:4], None), learn=True)
    assert programs._dense(True) is not None
    begin = jax.tree.map(np.array, TrainState.take(programs.roles))
    order: Any = np.random.default_rng(0).permutation(len(x)).astype("int32") if how == "rows" else None
    data: Any = (x.reshape(-1, batch, 140), y.reshape(-1, batch), None) if how == "stacked" else (x, y, None)
    run = programs.chunk(True, 0 if how == "stacked" else batch, how)
    results = []
    for cuts in ([0, 40], [0, 40], [0, 3, 40], [0, 5, 5, 37, 40], list(range(41))):
        state, logs = jax.tree.map(np.array, begin), {}
        for start, stop in itertools.pairwise(cuts):
            state, logs = run(state, data, order, start, stop)
        results.append([np.asarray(v) for v in (*jax.tree.leaves(tuple(state[:4])), *logs.values())])
    for found in results[1:]:
        for a, b in zip(found, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_training_by_batches_by_chunks_and_at_once_gives_the_same_bits():
    """With a callback at every batch, with somebody watching, and with nobody looking."""
    x, y = _data(100)
    results = []
    for fit in ({}, {"callbacks": [Batches()]}, {"verbose": 1}, {"callbacks": [callbacks.Callback()]}):
        model = _model(_small, optimizer="adam", metrics=["accuracy"])
        history = model.fit(x, y, **({"batch_size": 7, "epochs": 4, "verbose": 0} | fit)).history
        results.append((_state(model), history))
    for state, history in results[1:]:
        assert history == results[0][1]
        for part, values in state.items():
            for a, b in zip(values, results[0][0][part], strict=True):
                np.testing.assert_array_equal(a, b)


_BITS = """
import sys; sys.path.insert(0, sys.argv[1])
import hashlib, numpy as np, ranvier as rv
from ranvier import layers
rv.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(1000, 300)).astype("float32"), rng.integers(0, 5, 1000)
model = rv.Sequential([rv.Input((300,)), layers.Dense(600, "relu"), layers.BatchNormalization(), layers.Dropout(0.3),
                       layers.Dense(200, "tanh"), layers.Dense(5, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=2, batch_size=300, verbose=0).history
assert model._programs._dense(True) is not None
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights()) + repr(history).encode()).hexdigest())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_the_bits_do_not_depend_on_the_number_of_threads():
    """Nor do they differ from run to run."""
    processors = sorted(os.sched_getaffinity(0))
    found = []
    for allowed in (processors[:1], processors, processors):
        code = f"import os; os.sched_setaffinity(0, {allowed!r})\n{_BITS}"
        run = subprocess.run(
            [sys.executable, "-c", code, "src"],
            capture_output=True, text=True, timeout=120, env={**os.environ, "RANVIER_KERNELS": "1"},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        found.append(run.stdout.strip())
    assert len(set(found)) == 1


# --- beside other things that models do ---------------------------------------------------------------------------------


def test_nothing_is_compiled_twice(compiled: list[str]):
    x, y = _data(100)
    model = _model(_small, optimizer="adam", metrics=["accuracy"])
    for hooks in ([], [callbacks.Callback()], [Batches()]):
        model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=hooks)
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    compiled.clear()
    for hooks in ([], [callbacks.Callback()], [Batches()]):
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=hooks)
    assert not compiled


def test_single_batches_mix_with_fit(counted: Counted):
    x, y = _data(64)

    def run() -> Any:
        model = _model(_small, optimizer="adam", metrics=["accuracy"])
        told = [list(model.train_on_batch(x[:9], y[:9])) for _ in range(3)]
        model.fit(x, y, batch_size=16, verbose=0)
        told.append(list(model.train_on_batch(x, y)))
        told.append(list(model.train_on_batch(x[:9], y[:9], sample_weight=np.arange(9.0))))
        told.append(list(model.train_on_batch(x[:9], y[:9], class_weight={0: 1.0, 1: 2.0, 2: 0.5})))
        told.append(list(model.evaluate(x, y, verbose=0)))
        model.fit(x, y, batch_size=16, verbose=0, validation_data=(x, y))
        return _state(model), told

    ours = run()
    assert counted.made
    with General():
        theirs = run()
    _close(ours[0], theirs[0], 3e-4)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-3, atol=1e-5)


def test_changes_between_and_during_fits_are_seen(counted: Counted):
    x, y = _data(64)

    class Halve(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.1 / 2**epoch

        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                self.model.layers[0].bias.assign(self.model.layers[0].bias.value * 0 + 0.5)

    def run() -> Any:
        model = _model(_small, optimizer=OPTIMIZERS["momentum"])
        model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[Halve()])
        model.fit(
            x, y, batch_size=16, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda e, r: r / 3)]
        )
        model.optimizer.learning_rate = 0.3
        model.set_weights([w * 0.5 for w in model.get_weights()])
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        model.layers[0].trainable = False  # which has a program of its own
        kernel = model.layers[0].kernel.numpy()
        model.compile(optimizers.SGD(0.1), SPARSE)
        made = counted.made
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        assert counted.made == made
        np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)
        model.layers[0].trainable = True
        model.compile(optimizers.RMSprop(0.01), SPARSE)
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        return _state(model)

    ours = run()
    assert counted.made
    with General():
        theirs = run()
    _close(ours, theirs, 3e-4)


def test_early_stopping_restores_the_best_weights():
    x, y = _data(64)
    seen = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["val_loss"], self.model.get_weights()))

    model = _model(
        lambda: [layers.Dense(40, "relu"), layers.Dense(3, "softmax")], optimizer=lambda: optimizers.Adam(0.05)
    )
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model.fit(x[:40], y[:40], validation_data=(x[40:], y[40:]), epochs=60, verbose=0, callbacks=[Look(), stop])
    best = min(range(len(seen)), key=lambda i: seen[i][0])
    assert len(seen) == best + 3
    for a, b in zip(model.get_weights(), seen[best][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_interrupted_training_leaves_the_model_usable():
    x, y = _data(64)

    class Interrupt(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    model = _model(_small, optimizer="adam")
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=8, verbose=0, callbacks=[Interrupt()])
    assert int(model.optimizer.iterations) == 3
    assert any((a != b).any() for a, b in zip(model.get_weights(), before, strict=True))
    assert np.isfinite(model.fit(x, y, batch_size=8, verbose=0).history["loss"]).all()


def test_outputs_in_a_list_and_a_dict():
    x, y = _data()
    for wrap in (lambda t: [t], lambda t: {"a": t}):

        def make(wrap: Any = wrap) -> Any:
            rv.utils.set_random_seed(7)
            inputs = rv.Input((5,))
            model = rv.Model(inputs, wrap(layers.Dense(3, "softmax", name="a")(inputs)))
            model.compile("sgd", SPARSE, metrics=["accuracy"])
            return model

        targets = wrap(y) if isinstance(wrap(y), dict) else y
        ours = make()
        ours.fit(x, targets, verbose=0)
        with General():
            theirs = make()
            theirs.fit(x, targets, verbose=0)
        _close(_state(ours), _state(theirs))


def test_in_float64_processes():
    """Where JAX has 64 bits, indices and rates are still the kernel's."""
    x, y = _data()
    jax.config.update("jax_enable_x64", True)  # the fixture of every test switches it off again
    _both(lambda: _model(_small, optimizer=OPTIMIZERS["cosine"], metrics=["accuracy"]), (x, y), tolerance=1e-4)
    heard = Batches()
    _model(_small, optimizer="adam").fit(x, y, batch_size=16, verbose=0, callbacks=[heard])
    assert len(heard.told) == 4


@pytest.mark.parametrize("optimizer", ["nesterov", "adam", "rmsprop"])
def test_twenty_steps_beside_keras(optimizer: str):
    """The same weights, data and order give the same loss after every epoch and the same weights."""
    x, y = _data(80, (12,))
    made = {
        "nesterov": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        "adam": lambda k: k.optimizers.Adam(0.01),
        "rmsprop": lambda k: k.optimizers.RMSprop(0.01),
    }[optimizer]

    def make(k: Any) -> Any:
        model = k.Sequential([
            k.Input((12,)), k.layers.Rescaling(0.5), k.layers.Dense(20, use_bias=False), k.layers.BatchNormalization(),
            k.layers.Activation("relu"), k.layers.Dense(10, activation="elu"), k.layers.Dense(3, activation="softmax"),
        ])  # fmt: skip
        model.compile(made(k), SPARSE, metrics=["accuracy"])
        return model

    ours, theirs = make(rv), make(keras)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    arguments = {"epochs": 5, "batch_size": 20, "shuffle": False, "verbose": 0}
    found, expected = ours.fit(x, y, **arguments).history, theirs.fit(x, y, **arguments).history
    assert ours._programs._dense(True) is not None
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-4, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-3, atol=2e-4)
