"""Initialisers, regularisers, constraints and activations with random settings and shapes, beside Keras's."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from ranvier import activations, constraints, initializers, regularizers

from .agreement import REFUSALS, differences, differences_of_calls
from .strategies import Draw, described, tried, try_examples

Row = Callable[[Draw], Any]


def _kernel(d: Draw) -> tuple[int, ...]:
    return d.shape(1, 4)


def _scaled(**more: Callable[[Draw], Any]) -> Row:
    def make(d: Draw) -> Any:
        shape = d.pick((40, 30), (300,), (2, 12, 25), (3, 2, 10, 20))
        options = {k: f(d) for k, f in more.items()}
        if len(shape) > 2 and d.flag():
            options |= {"input_axes": d.pick((0,), (0, 1)), "output_axes": (-1,)}
        return options, shape

    return make


def _law(**options: Callable[[Draw], Any]) -> Row:
    return lambda d: ({k: f(d) for k, f in options.items()}, d.pick((40, 30), (900,), (3, 20, 20)))


# What has the same numbers as Keras's: options and a shape.
CERTAIN: dict[str, Row] = {
    "Zeros": lambda d: ({}, d.shape(0, 3)),
    "Ones": lambda d: ({}, d.shape(0, 3)),
    "Constant": lambda d: (d.some(value=d.pick(2, -0.5, True)), d.shape(0, 3)),
    "Identity": lambda d: (d.some(gain=d.real(-2, 2)), d.shape(2, 2)),
    "STFT": lambda d: (d.some(side=d.pick("real", "imag"), window=d.pick("hann", "hamming", None),
                              scaling=d.pick("density", "spectrum", None), periodic=d.flag()), (8, 1, d.pick(5, 9))),
}  # fmt: skip
# What has Keras's law.
BY_LAW: dict[str, Row] = {
    "RandomNormal": _law(mean=lambda d: d.real(-1, 1), stddev=lambda d: d.real(0.1, 2)),
    "TruncatedNormal": _law(mean=lambda d: d.real(-1, 1), stddev=lambda d: d.real(0.1, 2)),
    "RandomUniform": _law(minval=lambda d: d.real(-2, 0), maxval=lambda d: d.real(0.1, 2)),
    **{n: _scaled() for n in ("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform")},
    "VarianceScaling": _scaled(scale=lambda d: d.real(0.1, 3), mode=lambda d: d.pick("fan_in", "fan_out", "fan_avg"),
                               distribution=lambda d: d.pick("truncated_normal", "untruncated_normal", "uniform")),
}  # fmt: skip


@tried(2, CERTAIN)
def test_certain_initializers_give_the_numbers_of_keras(row: str, examples: int):
    name = row

    def check(made: Any) -> None:
        options, shape = made
        dtype = "int32" if name in ("Zeros", "Ones") and len(shape) == 1 else "float32"
        ours, theirs = (getattr(m, name)(**options)(shape, dtype=dtype) for m in (initializers, keras.initializers))
        text = differences(ours, theirs)
        assert not text, f"{text}: {name} {options} {shape}"

    try_examples(CERTAIN[name], check, examples)


@tried(1, BY_LAW)
def test_random_initializers_have_the_law_of_keras(row: str, examples: int):
    name = row

    def check(made: Any) -> None:
        options, shape = made
        ours, theirs = (
            np.concatenate([np.ravel(getattr(m, name)(**options, seed=seed)(shape)) for seed in range(4)])
            for m in (initializers, keras.initializers)
        )
        shown = f"{name} {options} {shape}"
        n, spread = len(theirs), theirs.std()
        assert ours.std() == pytest.approx(spread, rel=5 / np.sqrt(n) * 1.5), shown
        assert ours.mean() == pytest.approx(theirs.mean(), abs=6 * spread / np.sqrt(n)), shown
        grid = np.quantile(theirs, np.linspace(0.1, 0.9, 9))  # Kolmogorov and Smirnov's distance, of two samples
        distance = np.abs(np.searchsorted(np.sort(ours), grid) / n - np.linspace(0.1, 0.9, 9)).max()
        assert distance < 1.95 * np.sqrt(2 / n), shown

    try_examples(BY_LAW[name], check, examples)


@tried(2)
def test_orthogonal_kernels_are_orthogonal_as_those_of_keras(row: str, examples: int):
    def check(made: Any) -> None:
        gain, shape = made
        for module in (initializers, keras.initializers):
            q = np.asarray(module.Orthogonal(gain, seed=1)(shape)).reshape(-1, shape[-1])
            q = q if q.shape[0] >= q.shape[1] else q.T
            np.testing.assert_allclose(q.T @ q, gain**2 * np.eye(q.shape[1]), atol=2e-5)

    try_examples(lambda d: (d.real(0.5, 2), d.shape(2, 4, (1, 2, 3, 5))), check, examples)


REGULARIZERS: dict[str, Row] = {
    "L1": lambda d: (d.some(l1=d.real(0, 1)), _kernel(d)),
    "L2": lambda d: (d.some(l2=d.real(0, 1)), _kernel(d)),
    "L1L2": lambda d: (d.some(l1=d.real(0, 1), l2=d.real(0, 1)), _kernel(d)),
    "OrthogonalRegularizer": lambda d: (d.some(factor=d.real(0, 1), mode=d.pick("rows", "columns")),
                                        d.shape(2, 2, (2, 3))),
}  # fmt: skip
CONSTRAINTS: dict[str, Row] = {
    "MaxNorm": lambda d: (lambda s: (d.some(max_value=d.real(0.3, 2), axis=d.axes(len(s))), s))(_kernel(d)),
    "MinMaxNorm": lambda d: (lambda s: (d.some(min_value=d.real(0, 0.5), max_value=d.real(0.6, 2), rate=d.real(0.1, 1),
                                               axis=d.axis(len(s))), s))(_kernel(d)),
    "NonNeg": lambda d: ({}, _kernel(d)),
    "UnitNorm": lambda d: (lambda s: (d.some(axis=d.axes(len(s))), s))(_kernel(d)),
}  # fmt: skip


@tried(2, [*REGULARIZERS, *CONSTRAINTS])
def test_regularizers_and_constraints_agree_with_those_of_keras(row: str, examples: int):
    name = row
    modules = (regularizers, keras.regularizers) if name in REGULARIZERS else (constraints, keras.constraints)

    def make(d: Draw) -> Any:
        options, shape = (REGULARIZERS | CONSTRAINTS)[name](d)
        return options, d.floats(*shape)

    def check(made: Any) -> None:
        options, x = made
        pair = []
        for module in modules:
            try:
                pair.append(getattr(module, name)(**options))
            except REFUSALS as error:
                pair.append(error)
        assert [isinstance(p, Exception) for p in pair] in ([False] * 2, [True] * 2), f"{pair} {options}"
        if not isinstance(pair[0], Exception):
            wrong = differences_of_calls({name: tuple(pair)}, (x,), {}, tolerance=2)
            assert not wrong, f"{wrong} {options} {described(x)}"

    try_examples(make, check, examples)


_OPTIONS: dict[str, dict[str, Callable[[Draw], Any]]] = {
    "celu": {"alpha": lambda d: d.real(0.1, 2)},
    "elu": {"alpha": lambda d: d.real(0.1, 2)},
    "gelu": {"approximate": Draw.flag},
    "glu": {"axis": lambda d: -1},
    "hard_shrink": {"threshold": lambda d: d.real(0, 1)},
    "soft_shrink": {"threshold": lambda d: d.real(0, 1)},
    "leaky_relu": {"negative_slope": lambda d: d.real(0, 1)},
    "log_softmax": {"axis": lambda d: d.pick(-1, 0)},
    "softmax": {"axis": lambda d: d.pick(-1, 0)},
    "relu": {"negative_slope": lambda d: d.real(0, 1), "max_value": lambda d: d.real(0.5, 2),
             "threshold": lambda d: d.real(0, 1)},
    "squareplus": {"b": lambda d: d.real(0.5, 5)},
}  # fmt: skip
ACTIVATIONS = sorted(set(activations.__all__) - {"deserialize", "get", "serialize", "sparsemax"})  # its law: tests/ops


@tried(1, ACTIVATIONS)
def test_activations_agree_with_those_of_keras(row: str, examples: int):
    name = row

    def make(d: Draw) -> Any:
        options = d.some(**{k: f(d) for k, f in _OPTIONS.get(name, {}).items()})
        fixed = {"threshold": d.real(0, 1), "default_value": d.real(-1, 1)} if name == "threshold" else {}
        return options | fixed, 2 * d.floats(*d.shape(2, 3)[:-1], d.pick(2, 4))

    def check(made: Any) -> None:
        options, x = made
        pair = getattr(activations, name), getattr(keras.activations, name)
        wrong = differences_of_calls({name: pair}, (x,), options)
        assert not wrong, f"{wrong} {options} {described(x)}"

    try_examples(make, check, examples)


@pytest.mark.parametrize(
    ("module", "rows"),
    [
        (initializers, {*CERTAIN, *BY_LAW, "Orthogonal", "Initializer", "RandomInitializer"}),
        (regularizers, {*REGULARIZERS, "Regularizer"}),
        (constraints, {*CONSTRAINTS, "Constraint"}),
    ],
    ids=lambda v: v.__name__ if isinstance(v, types.ModuleType) else "",
)
def test_every_class_has_a_row(module: Any, rows: set[str]):
    classes = {getattr(module, n) for n in module.__all__ if isinstance(getattr(module, n), type)}
    assert classes == {getattr(module, n) for n in rows}
