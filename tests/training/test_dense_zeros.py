"""Inputs that are mostly zeros: the dense kernel leaves the zeros out, and its numbers have the same bits as with them.

An activation before the first layer keeps the kernel from leaving anything out; where it changes no number, the network
is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier import layers, losses

from .beside_general import Counted, both, model_of, needs_kernel, state_of

pytestmark = [needs_kernel, pytest.mark.usefixtures("only_dense_kernel")]


def _zeros(rows: int, width: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of numbers above zero, of which a share is put to zero; classes that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.random((rows, width), dtype="float32") + 0.01
    x[rng.random((rows, width)) < share] = 0
    return x, (x.sum(1) * 10).astype("int32") % 3


def _trained(x: Any, y: Any, whole: bool, hidden: int = 32, batch: int = 16, change: Any = None, **fit: Any) -> Any:
    """The state after training, in which zeros were left out or, if `whole`, were not, and the history."""
    first = [layers.Activation("relu")] if whole else []

    def stack() -> Any:
        return [*first, layers.Dense(hidden, "tanh"), layers.Dense(3, "softmax")]

    model = model_of(stack, x.shape[1:], optimizer=fit.pop("optimizer", "adam"), metrics=["accuracy"])
    if change is not None:
        change(model)
    history = model.fit(x, y, **({"batch_size": batch, "epochs": 2, "verbose": 0} | fit)).history
    return state_of(model), history


def _assert_same_bits(found: Any, expected: Any) -> None:
    for part in expected:
        for a, b in zip(found[part], expected[part], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=part)


def _assert_same(x: Any, y: Any, **arguments: Any) -> Any:
    state, history = _trained(x, y, False, **arguments)
    expected, of_whole = _trained(x, y, True, **arguments)
    _assert_same_bits(state, expected)
    assert {k: list(map(str, v)) for k, v in history.items()} == {k: list(map(str, v)) for k, v in of_whole.items()}
    return state


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(64, 200), st.integers(16, 150), st.integers(1, 70), st.sampled_from([0.0, 0.55, 0.7, 0.9, 1.0]),
    st.integers(0, 100),
)  # fmt: skip
def test_the_same_bits_for_all_sizes(width: int, hidden: int, batch: int, share: float, seed: int):
    x, y = _zeros(71, width, share, seed)
    _assert_same(x, y, hidden=hidden, batch=batch)


def test_batches_with_and_without_zeros_follow_each_other(counted: Counted):
    x, y = _zeros(900, 80, 0.9)
    dense, _ = _zeros(900, 80, 0.0, seed=1)
    x[100:140], x[300:500], x[850:] = dense[100:140], dense[300:500], dense[850:]
    x[520, 10:] = 1  # a row that is full among others
    _assert_same(x, y, shuffle=False, batch=4)
    assert counted.made == 2


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_the_same_bits_for_optimizers_and_calls(optimizer: str):
    x, y = _zeros(96, 100, 0.8)
    state = _assert_same(x, y, optimizer=optimizer, shuffle=False, epochs=2)
    each = rv.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)  # a call for every step
    calls, _ = _trained(x, y, False, optimizer=optimizer, shuffle=False, epochs=2, callbacks=[each])
    _assert_same_bits(calls, state)


NOT_FINITE = pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")


@NOT_FINITE
@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_a_weight_that_is_not_finite_meets_zeros(number: float):
    x, y = _zeros(64, 80, 0.9)
    x[:, 7] = 0

    def change(model: Any) -> None:
        value = model.layers[-2].kernel.numpy()
        value[7, 3] = number
        model.layers[-2].kernel.assign(value)

    state = _assert_same(x, y, change=change, optimizer="sgd")
    assert np.isnan(state["trainable"][0]).any()  # nothing was hidden


@NOT_FINITE
def test_a_gradient_that_is_not_finite_meets_zeros():
    x, y = _zeros(64, 80, 0.9)
    x[:, 7] = 0

    def change(model: Any) -> None:
        model.layers[-1].kernel.assign(np.full((32, 3), np.nan))

    state = _assert_same(x, y, change=change, batch=64, epochs=1)
    assert np.isnan(state["trainable"][0]).all()


@NOT_FINITE
@pytest.mark.parametrize("rate", [1e3, 1e20, 1e38])
def test_training_that_diverges(rate: float):
    x, y = _zeros(64, 80, 0.9)
    x[:, 7] = 0
    _assert_same(x * 1e10, y, optimizer=lambda: rv.optimizers.SGD(rate, momentum=0.9), epochs=6, hidden=40)


@NOT_FINITE
def test_an_input_that_is_not_finite():
    x, y = _zeros(64, 80, 0.9)
    x[5, 5], x[40, 6] = np.inf, np.nan
    _assert_same(x, y, epochs=1, shuffle=False)


def test_bytes(counted: Counted):
    x, y = _zeros(96, 784, 0.8)
    images = (x * 250).astype("uint8").reshape(96, 28, 28)

    def stack() -> Any:
        return [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(40, "relu"), layers.Dense(3)]

    def make() -> Any:
        rv.utils.set_random_seed(7)
        model = rv.Sequential([rv.Input((28, 28), dtype="uint8"), *stack()])
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        return model

    both(make, (images, y))
    assert counted.made


def test_beside_the_general_program():
    both(lambda: model_of(lambda: [layers.Dense(40, "relu"), layers.Dense(3, "softmax")], (90,)), _zeros(100, 90, 0.85))
