"""The kernel that normalises rows and the pure algorithm compute the same numbers as the plain meaning."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels

from ranvier.ops import compiled, normalizing


@pytest.mark.parametrize("shape", [(6, 16), (3, 2, 5), (700, 40), (1, 1)])
def test_values_and_gradients(shape: tuple[int, ...], monkeypatch: Any):
    ranvier_kernels.register()
    monkeypatch.setattr(compiled, "_registered", lambda: frozenset(ranvier_kernels.TARGETS))
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape) + 0.5, "float32")  # noqa: E731
    operands = draw(*shape), draw(shape[-1]), draw(shape[-1])

    def pure(x: Any, scale: Any, shift: Any) -> Any:
        flat = x.reshape(-1, x.shape[-1])
        return normalizing._meaning(flat, scale, shift, epsilon=1e-3)[0].reshape(x.shape)

    def by_hand(operands: Any, slope: Any) -> Any:
        x, scale, shift = operands
        flat = (x.reshape(-1, x.shape[-1]), scale, shift)
        y, *saved = normalizing._saving(*flat, epsilon=1e-3)
        dx, *others = normalizing._backward(flat, saved, (slope.reshape(flat[0].shape),), epsilon=1e-3)
        return y.reshape(x.shape), dx.reshape(x.shape), *others

    def all_of_it(operands: Any) -> Any:
        found = []
        for f in (pure, lambda *o: normalizing.normalize_rows(*o, 1e-3)):
            y, back = jax.vjp(f, *operands)
            slope = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
            found.append((y, *back(slope)))
        return *found, by_hand(operands, slope)

    program = jax.jit(all_of_it).lower(operands).compile()
    assert program.as_text().count('custom_call_target="ranvier_normalize') == 2
    expected, *others = program(operands)
    for found in others:
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * max(1.0, float(np.abs(b).max())))
