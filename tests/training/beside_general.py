"""Training by the dense kernel beside the general program: what tests of it share."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

import ranvier as rv
from ranvier import optimizers
from ranvier.training import dense_program

installed: Any = importlib.import_module("ranvier_kernels") if importlib.util.find_spec("ranvier_kernels") else None

# A mark, and no skip on import: the second file that imported this one would find it half run.
needs_kernel = pytest.mark.skipif(
    installed is None or "ranvier_train_dense" not in installed.TARGETS,
    reason="the compiled kernels are not installed, or are older than that for dense networks",
)

SPARSE = "sparse_categorical_crossentropy"
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


def model_of(
    stack: Any, shape: tuple[int, ...] = (5,), loss: Any = SPARSE, optimizer: Any = "sgd", **compiling: Any
) -> Any:
    rv.utils.set_random_seed(7)
    model = rv.Sequential([rv.Input(shape), *stack()])
    model.compile(optimizer=optimizer() if callable(optimizer) else optimizer, loss=loss, **compiling)
    return model


def data_of(n: int = 64, shape: tuple[int, ...] = (5,), classes: int = 3) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, *shape)).astype("float32")
    return x, (np.abs(x.reshape(n, -1)).sum(1) * 7).astype("int32") % classes


def state_of(model: Any) -> dict[str, list[np.ndarray]]:
    optimizer = [np.asarray(v) for v in model.optimizer.variables]
    return {
        "trainable": [np.asarray(v) for v in model.trainable_variables],
        "other": [np.asarray(v) for v in model.non_trainable_variables],
        "optimizer": optimizer,
    }


def assert_close(found: Any, expected: Any, tolerance: float = 3e-5) -> None:
    assert found.keys() == expected.keys()
    for part in expected:
        for a, b in zip(found[part], expected[part], strict=True):
            if b.dtype.kind in "iu":
                np.testing.assert_array_equal(a, b, err_msg=part)
            else:
                scale = max(1.0, float(np.abs(b).max(initial=0)))
                np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale, err_msg=part)


@contextlib.contextmanager
def hastily() -> Iterator[None]:
    """XLA compiles without its optimisations, in half the time: what it computes is the same to rounding."""
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def both(make: Any, data: Any, tolerance: float = 3e-5, **fit: Any) -> Any:
    """Fit by the kernel and by the general program, and compare all that is left of it."""
    with hastily():
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
    assert_close(state_of(ours), state_of(theirs), tolerance)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=10 * tolerance, atol=tolerance, err_msg=name)
    return ours, theirs
