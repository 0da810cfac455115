"""The attention kernel computes the same numbers as the pure algorithm, and both the same as the plain meaning."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels

from ranvier.ops import attending, compiled

# batch, queries, keys, heads, features, values
SIZES = {
    "whole vectors": (2, 16, 16, 2, 16, 16),
    "odd": (3, 5, 7, 2, 3, 5),
    "several blocks": (1, 70, 600, 1, 4, 9),
    "one": (1, 1, 1, 1, 1, 1),
}
MASKS = {"none": None, "keys": (0, 1, 1, 3), "all": (0, 1, 2, 3), "causal": "causal", "flat": (2, 3)}


@pytest.fixture(autouse=True)
def registered(monkeypatch: Any) -> None:
    """The kernels, whatever the environment says about using them."""
    ranvier_kernels.register()
    monkeypatch.setattr(compiled, "_registered", lambda: frozenset(ranvier_kernels.TARGETS))


def _case(size: str, mask: str) -> tuple[list[Any], Any]:
    batch, t, s, n, h, v = SIZES[size]
    rng = np.random.default_rng(0)
    shapes = (batch, t, n, h), (batch, s, n, h), (batch, s, n, v)
    arrays = [jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes]
    if MASKS[mask] is None:
        return arrays, None
    if MASKS[mask] == "causal":
        return arrays, jnp.tril(jnp.ones((t, s), bool))
    whole = (batch, n, t, s)
    shape = tuple(whole[i] if i in MASKS[mask] else 1 for i in range(4 - len(MASKS[mask]) if mask == "flat" else 0, 4))
    seen = jnp.asarray(rng.random(shape) < 0.5)
    return arrays, seen.at[..., :1, :].set(False) if mask == "all" else seen  # some queries see nothing


def _close(found: Any, expected: Any) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=4e-6 * scale)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("rate", "zeros"), [(0.0, False), (0.3, True)])
def test_values_and_gradients(size: str, mask: str, rate: float, zeros: bool):
    arrays, seen = _case(size, mask)
    seed = jnp.array([5, 77], jnp.uint32) if rate else None
    full = jnp.ones((0, 1, 1, 1), bool) if seen is None else seen
    ways = (
        lambda *arrays: attending._meaning(*arrays, full, seed, scale=0.4, rate=rate, zeros=zeros)[0],
        lambda *arrays: attending._attended(*arrays, seen, seed, 0.4, rate, zeros),
        lambda *arrays: attending.attend(*arrays, seen, 0.4, seed, rate, zeros),
    )

    def all_of_it(arrays: Any) -> Any:
        found = []
        for f in ways:
            result, back = jax.vjp(f, *arrays)
            found.append((result, *back(jnp.cos(jnp.arange(result.size, dtype=result.dtype)).reshape(result.shape))))
        return found

    compiled_program = jax.jit(all_of_it).lower(arrays).compile()
    assert compiled_program.as_text().count('custom_call_target="ranvier_attend') == 2
    expected, *others = compiled_program(arrays)
    for found in others:
        for a, b in zip(found, expected, strict=True):
            _close(a, b)


def test_other_transformations():
    arrays, seen = _case("odd", "keys")
    ours = lambda *a: attending.attend(*a, seen, 0.4)  # noqa: E731
    plain = lambda *a: attending._meaning(*a, seen, None, scale=0.4, rate=0.0, zeros=False)[0]  # noqa: E731
    total = lambda f: lambda *a: jnp.sum(jnp.sin(f(*a)))  # noqa: E731
    twice = lambda f: lambda *a: sum(jnp.sum(g**2) for g in jax.grad(total(f), (0, 1, 2))(*a))  # noqa: E731
    for of in (
        lambda f: [jax.jvp(f, arrays, [jnp.sin(a) for a in arrays])[1]],
        lambda f: jax.grad(twice(f), (0, 1, 2))(*arrays),
        lambda f: [jax.vmap(f, (None, None, 0))(*arrays[:2], jnp.stack([arrays[2], -arrays[2]]))],
    ):
        for a, b in zip(jax.jit(lambda of=of: of(ours))(), jax.jit(lambda of=of: of(plain))(), strict=True):
            _close(a, b)
