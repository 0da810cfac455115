"""The recurrent kernels and the pure algorithms compute the same numbers as the plain steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels

from ranvier.ops import compiled, recurrence
from ranvier.ops.fused import Fused

# time, batch, units
SIZES = {"whole vectors": (5, 13, 16), "odd": (4, 3, 7), "one step": (1, 2, 5), "deep": (3, 40, 90), "one": (2, 1, 1)}
UNITS = {
    "lstm": (recurrence.lstm, recurrence._lstm_meaning, 4),
    "gru": (recurrence.gru, recurrence._gru_meaning, 3),
}
PURE = {
    "lstm": Fused(
        "pure_lstm", recurrence._lstm_meaning, recurrence._lstm_saving, recurrence._lstm_backward, 4,
        lambda sequences: 2 + sequences,
    ),
    "gru": Fused(
        "pure_gru", recurrence._gru_meaning, recurrence._gru_saving, recurrence._gru_backward, 4,
        lambda sequences: 1 + sequences,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def registered(monkeypatch: Any) -> None:
    """The kernels, whatever the environment says about using them."""
    ranvier_kernels.register()
    monkeypatch.setattr(compiled, "_registered", lambda: frozenset(ranvier_kernels.TARGETS))


def _operands(unit: str, size: tuple[int, int, int], masked: bool) -> tuple[list[Any], Any]:
    time, batch, units = size
    gates = UNITS[unit][2]
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), "float32")  # noqa: E731
    states = [draw(batch, units), draw(batch, units)] if unit == "lstm" else [draw(gates * units), draw(batch, units)]
    mask = jnp.asarray(rng.random((time, batch)) < 0.6) if masked else None
    return [draw(time, batch, gates * units), draw(units, gates * units) / units**0.5, *states], mask


def _close(found: Any, expected: Any) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=6e-6 * scale)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("masked", "sequences"), [(False, False), (False, True), (True, True)])
def test_values_and_gradients(unit: str, size: str, masked: bool, sequences: bool):
    operands, mask = _operands(unit, SIZES[size], masked)
    function, meaning, _ = UNITS[unit]
    keep = jnp.zeros((0, SIZES[size][1])) if mask is None else mask.astype("float32")
    ways = (
        lambda *operands: tuple(meaning(*operands, keep, sequences=sequences)),
        lambda *operands: PURE[unit](*operands, keep, sequences=sequences),
        partial(function, mask=mask, sequences=sequences),
    )

    def all_of_it(operands: Any) -> Any:
        found = []
        for f in ways:
            results, back = jax.vjp(f, *operands)
            slopes = tuple(jnp.cos(jnp.arange(r.size, dtype=r.dtype)).reshape(r.shape) for r in results)
            found.append((*results, *back(slopes)))
        return found

    compiled_program = jax.jit(all_of_it).lower(operands).compile()
    assert compiled_program.as_text().count(f'custom_call_target="ranvier_{unit}') == 2
    expected, *others = compiled_program(operands)
    for found in others:
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            _close(a, b)


@pytest.mark.parametrize("unit", UNITS)
def test_other_transformations(unit: str):
    operands, mask = _operands(unit, SIZES["odd"], masked=True)
    function, meaning, _ = UNITS[unit]
    ours = partial(function, mask=mask, sequences=True)
    plain = lambda *o: tuple(meaning(*o, mask.astype("float32"), sequences=True))  # noqa: E731
    axes = (1, None, 0, 0) if unit == "lstm" else (1, None, None, 0)

    def of(f: Any) -> Any:
        tangents = [jnp.sin(o) for o in operands]
        total = lambda *o: sum(jnp.sum(jnp.sin(r)) for r in f(*o))  # noqa: E731
        inner = lambda *o: sum(jnp.sum(g**2) for g in jax.grad(total, (0, 1, 2, 3))(*o))  # noqa: E731
        forward = jax.jvp(f, operands, tangents)[1]
        partly = jax.grad(lambda w: total(operands[0], w, *operands[2:]))(operands[1])
        stacked = [jnp.stack([o, 2 * o], a) if a is not None else o for o, a in zip(operands, axes, strict=True)]
        mapped = jax.vmap(f, axes)(*stacked)
        return *forward, partly, *jax.grad(inner, (0, 1, 2, 3))(*operands), jax.jacfwd(total, 1)(*operands), *mapped

    for a, b in zip(*jax.jit(lambda: (of(ours), of(plain)))(), strict=True):
        _close(a, b)
    with jax.disable_jit():
        for a, b in zip(ours(*operands), plain(*operands), strict=True):
            _close(a, b)
