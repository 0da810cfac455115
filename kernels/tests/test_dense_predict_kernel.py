"""Prediction by the kernel for dense networks: the numbers of the formulas in double precision, by both of its doors."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels
from ranvier_kernels.dense import DensePredictor

KINDS = ("relu", "leaky", "elu", "sigmoid", "tanh", "silu", "normalize")
NUMBERS = {"leaky": (0.3,), "elu": (1.5, 1.1), "normalize": (0.01,)}
BATCHES = (1, 2, 3, 4, 5, 31, 32, 300, 1024)


@pytest.fixture(autouse=True)
def registered():
    ranvier_kernels.register()


class Network:
    """A network with weights by chance: the kernel's plan, numbers and values, and its outputs by NumPy in float64."""

    def __init__(self, widths: tuple[int, ...], kinds: tuple[str, ...] = (), softmax: bool = False, before: str = ""):
        rng = np.random.default_rng(sum(widths))
        self.kinds, self.softmax, self.before = kinds, softmax, before
        self.scale, self.offset = 1.0, 0.0
        draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
        self.layers = [(draw(a, b) / np.float32(a**0.5), draw(b)) for a, b in pairwise(widths)]
        self.sides = [
            [(draw(b), draw(b), draw(b), np.abs(draw(b)) + 0.5) if kind == "normalize" else () for kind in kinds]
            for b in widths[1:]
        ]

    @property
    def values(self) -> list[np.ndarray]:
        weights = [w for layer in self.layers for w in layer]
        normal = [side for each in self.sides for side in each if side]
        return weights + [w for side in normal for w in side[:2]] + [w for side in normal for w in side[2:]]

    @property
    def plan(self) -> tuple[np.ndarray, np.ndarray]:
        layers, normal = len(self.layers), len(self.layers) * self.kinds.count("normalize")
        plan, numbers = [int(self.softmax), layers, 2 * (layers + normal), 2 * normal], [self.scale, self.offset]
        count = 0

        def add(kinds: tuple[str, ...]) -> None:
            nonlocal count
            plan.append(len(kinds))
            for kind in kinds:
                gamma = 2 * (layers + count)
                plan.extend(
                    [KINDS.index(kind), *((gamma, gamma + 1, 2 * count, 0) if kind == "normalize" else (-1, -1, -1, 0))]
                )
                count += kind == "normalize"
                numbers.extend([*NUMBERS.get(kind, ()), 0.0, 0.0, 0.0][:3])

        add((self.before,) if self.before else ())
        for i, (kernel, _) in enumerate(self.layers):
            plan.extend([*kernel.shape, 2 * i, 2 * i + 1])
            add(self.kinds)
        return np.array(plan), np.array(numbers)

    def expected(self, x: np.ndarray) -> np.ndarray:
        y = x.astype(np.float64) * self.scale + self.offset
        y = function(self.before, y, ()) if self.before else y
        for (kernel, bias), sides in zip(self.layers, self.sides, strict=True):
            y = y @ kernel.astype(np.float64) + bias
            for kind, side in zip(self.kinds, sides, strict=True):
                y = function(kind, y, side)
        if self.softmax:
            y = np.exp(y - y.max(1, keepdims=True))
            y /= y.sum(1, keepdims=True)
        return y

    def direct(self, x: np.ndarray, threads: int = 2) -> np.ndarray:
        y = np.full((len(x), self.layers[-1][1].size), np.nan, np.float32)
        assert DensePredictor(*self.plan, self.values)(x, y, threads)
        return y

    def by_xla(self, x: np.ndarray, out: Any = None, ends: Any = None) -> np.ndarray:
        width = self.layers[-1][1].size
        plan, numbers = self.plan
        aliases = {} if out is None else {2: 0}
        call = jax.ffi.ffi_call(
            "ranvier_predict_dense", jax.ShapeDtypeStruct((len(x), width), jnp.float32), input_output_aliases=aliases
        )
        before = jnp.zeros((0, width)) if out is None else jnp.asarray(out)
        ends = jnp.asarray((0, len(x)) if ends is None else ends, jnp.int32)
        run = jax.jit(lambda *a: call(*a, plan=plan.astype(np.int64), numbers=numbers.astype(np.float32)))
        return np.asarray(run(jnp.asarray(x), ends, before, *self.values))


def function(kind: str, x: np.ndarray, side: Any) -> np.ndarray:
    if kind == "normalize":
        gamma, beta, mean, variance = side
        return (x - mean) * gamma / np.sqrt(variance + 0.01) + beta
    sigmoid = 1 / (1 + np.exp(-x))
    return {
        "relu": np.maximum(x, 0),
        "leaky": np.where(x >= 0, x, 0.3 * x),
        "elu": 1.1 * np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0))),
        "sigmoid": sigmoid,
        "tanh": np.tanh(x),
        "silu": x * sigmoid,
    }[kind]


def draw(rows: int, width: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(rows, width)).astype(np.float32)


@pytest.mark.parametrize("widths", [(1, 1), (3, 17, 33), (17, 3, 1), (33, 513, 17), (513, 33, 10), (200, 1, 40, 3)])
@pytest.mark.parametrize("rows", BATCHES)
def test_products_of_all_sizes(widths: tuple[int, ...], rows: int):
    network, x = Network(widths, ("relu",), softmax=True), draw(rows, widths[0])
    np.testing.assert_allclose(network.direct(x), network.expected(x), rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(network.by_xla(x), network.direct(x))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2, 5, 50])
def test_what_is_done_to_columns(kind: str, rows: int):
    network, x = Network((12, 35, 18), (kind, "tanh", kind)), draw(rows, 12)
    np.testing.assert_allclose(network.direct(x), network.expected(x), rtol=2e-5, atol=1e-5)
    np.testing.assert_array_equal(network.by_xla(x), network.direct(x))


def test_a_row_has_the_same_bits_in_batches_of_all_sizes_and_with_any_number_of_threads():
    network, x = Network((513, 130, 10), ("silu", "normalize"), softmax=True), draw(1024, 513)
    whole = network.direct(x)
    for rows in BATCHES:
        for first in (0, 1024 - rows):
            for threads in (1, 2, 5):
                part = network.direct(x[first : first + rows], threads)
                np.testing.assert_array_equal(part, whole[first : first + rows])


@pytest.mark.parametrize("rows", [1, 3, 4, 40])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_inputs_are_scaled_and_go_through_functions(rows: int, dtype: str):
    network = Network((37, 20, 4), ("relu",), before="sigmoid")
    network.scale, network.offset = 1 / 127.5, -1.0
    x = np.random.default_rng(rows).integers(0, 256, (rows, 37)).astype(dtype)
    np.testing.assert_allclose(network.direct(x), network.expected(x), rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(network.by_xla(x), network.direct(x))


def test_some_rows_of_many():
    network, x = Network((9, 20, 4)), draw(50, 9)
    out = np.full((50, 4), 7, np.float32)
    found = network.by_xla(x, out, (8, 31))
    np.testing.assert_array_equal(found[8:31], network.direct(x)[8:31])
    assert (np.concatenate([found[:8], found[31:], out]) == 7).all()
    with pytest.raises(Exception, match="rows beyond the data"):
        network.by_xla(x, out, (8, 51))
    with pytest.raises(Exception, match="nobody fills"):
        network.by_xla(x, None, (8, 31))


@pytest.mark.parametrize("rows", [1, 4, 50])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_not_finite_are_told(rows: int, value: float):
    network = Network((21, 5))
    predictor = DensePredictor(*network.plan, network.values)
    for row, column in ((0, 0), (rows - 1, 20), (rows // 2, 17)):
        x, y = draw(rows, 21), np.empty((rows, 5), np.float32)
        assert predictor(x, y)
        x[row, column] = value
        assert not predictor(x, y)


def test_arrays_that_must_not_be_changed():
    network, x = Network((21, 5)), draw(6, 21)
    expected = network.direct(x)
    x.flags.writeable = False
    np.testing.assert_array_equal(network.direct(x), expected)


def test_weights_are_copied():
    network, x = Network((21, 5)), draw(6, 21)
    predictor, y = DensePredictor(*network.plan, network.values), np.empty((6, 5), np.float32)
    expected = network.direct(x)
    for layer in network.layers:
        for weight in layer:
            weight[:] = 0
    assert predictor(x, y)
    np.testing.assert_array_equal(y, expected)


def test_what_does_not_fit_is_refused():
    network = Network((21, 8, 5), ("normalize",))
    plan, numbers = network.plan
    for wrong in (plan[:-1], np.append(plan, 0), np.where(plan == 21, 20, plan), np.where(plan == 8, 7, plan)):
        with pytest.raises(ValueError, match="do not fit"):
            DensePredictor(wrong, numbers, network.values)
    with pytest.raises(ValueError, match="do not fit"):
        DensePredictor(plan, numbers[:-1], network.values)
    with pytest.raises(ValueError, match="do not fit"):
        DensePredictor(plan, numbers, network.values[:-1])
    network.layers[0] = network.layers[0][0], np.zeros(9, np.float32)
    with pytest.raises(Exception, match="wrong size"):
        network.by_xla(draw(2, 21))
