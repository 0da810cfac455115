"""The kernels of products, their own algorithm in pure form and the plain meaning compute the same numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels

from ranvier.ops import compiled, products


@pytest.fixture(autouse=True)
def all_sizes(monkeypatch: Any) -> None:
    ranvier_kernels.register()
    monkeypatch.setattr(compiled, "_registered", lambda: frozenset(ranvier_kernels.TARGETS))
    for name, value in (("_LEAST_ROWS", 0), ("_LEAST", 0), ("_MOST", 1 << 30), ("_FLAT", 1 << 30)):
        monkeypatch.setattr(products, name, value)


def _close(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=3e-6 * max(1.0, float(np.abs(b).max(initial=0))))


def _drawn(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes]


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"),
    [(1, 1, 1), (7, 5, 3), (64, 16, 16), (300, 129, 257), (1000, 16, 17), (97, 600, 40), (2100, 3, 300)],
)
def test_values_and_gradients(rows: int, inputs: int, outputs: int, biased: bool, rectified: bool):
    x, w, b, slope = _drawn((rows, inputs), (inputs, outputs), (outputs,), (rows, outputs))
    b = b if biased else jnp.zeros(0, "float32")

    def all_of_it(x: Any, w: Any, b: Any, slope: Any) -> Any:
        kernel = lambda x, w, b: products.affine_rows(x, w, b if biased else None, 1, rectified)  # noqa: E731
        y, back = jax.vjp(kernel, x, w, b)
        wanted, meant = jax.vjp(lambda *o: products._meaning(*o, rectified=rectified)[0], x, w, b)
        z, *saved = products._saving(x, w, b, rectified=rectified)
        by_hand = products._backward((x, w, b), saved, (slope,), rectified=rectified)
        return (y, *back(slope)), (z, *by_hand), (wanted, *meant(slope))

    program = jax.jit(all_of_it).lower(x, w, b, slope).compile()
    assert program.as_text().count('custom_call_target="ranvier_multiply') == 3
    found, by_hand, expected = program(x, w, b, slope)
    _close(found, expected)
    _close(by_hand, expected)


def test_what_nobody_wants_is_not_computed():
    x, w, b = _drawn((600, 20), (20, 30), (30,))
    by_weights = jax.jit(jax.grad(lambda w, b: products.affine_rows(x, w, b, 1, True).sum(), (0, 1)))
    assert "ranvier_multiply_input_gradient" not in by_weights.lower(w, b).compile().as_text()


def test_all_transformations():
    x, w, b, dx = _drawn((40, 6), (6, 9), (9,), (40, 6))
    kernel = lambda x: products.affine_rows(x, w, b, 1, True)  # noqa: E731
    plain = lambda x: jax.nn.relu(x @ w + b)  # noqa: E731
    _close(jax.jvp(kernel, (x,), (dx,)), jax.jvp(plain, (x,), (dx,)))
    _close([jax.vmap(kernel)(jnp.stack([x, dx]))], [jax.vmap(plain)(jnp.stack([x, dx]))])
    twice = lambda f: jax.grad(lambda x: jnp.vdot(jax.grad(lambda x: (f(x) ** 3).sum())(x), dx))(x)  # noqa: E731
    _close([twice(kernel)], [twice(plain)])


def test_axes_and_what_is_not_a_number():
    x, w, b = _drawn((3, 50, 4), (4, 2, 5), (2, 5))
    x = x.at[1, 2, 3].set(jnp.nan)
    y = jax.jit(lambda: products.affine_rows(x, w, b, 1, True))()
    expected = jax.nn.relu(jnp.einsum("btk,knm->btnm", x, w) + b)
    assert y.shape == expected.shape
    assert bool(jnp.isnan(y[1, 2]).all())
    np.testing.assert_allclose(y, expected, atol=1e-5)
    flat = jax.jit(lambda: products.rows_product(y, jnp.ones((2, 5, 3)), 2))()
    np.testing.assert_allclose(flat, jnp.einsum("btnm,nmk->btk", y, jnp.ones((2, 5, 3))), rtol=1e-5)
