"""Whole sequences of recurrent steps, with gradients that keep products out of the loop where they can be.

The gradient of a recurrent weight is one product over all times after the backward loop, not a small one at each step,
and what the gates were is kept from the forward loop. The mathematics of the layers, without their weights, masks of
dropout and options, stands here; where they are installed, compiled kernels do the loops.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .fused import Fused
from .recording import named

__all__ = ["gru", "lstm"]


@named
def lstm(projected: Any, kernel: Any, h: Any, c: Any, mask: Any = None, sequences: bool = False) -> tuple[Any, ...]:
    """Long short-term memory with the usual activations: the last h and c, and with `sequences` every h.

    Args:
        projected: xW + b of the gates i, f, g, o at all times: (time, batch, 4 · units).
        kernel: U, (units, 4 · units).
        h, c: the first states, (batch, units).
        mask: (time, batch); where False, the states stay. None: everywhere True.
        sequences: whether a third result holds h after every step, (time, batch, units).
    """
    return _lstm(projected, kernel, h, c, _kept(mask, projected), sequences=sequences)


@named
def gru(
    projected: Any, kernel: Any, bias: Any, h: Any, mask: Any = None, sequences: bool = False
) -> tuple[Any, ...]:  # fmt: skip
    """Gated recurrent units, reset after the product, with the usual activations: the last h, and with `sequences` all.

    Args:
        projected: xW + b of z, r and ĥ at all times: (time, batch, 3 · units).
        kernel: U, (units, 3 · units).
        bias: b′, which is added to hU: (3 · units,).
        h: the first state, (batch, units).
        mask: (time, batch); where False, the state stays. None: everywhere True.
        sequences: whether a second result holds h after every step, (time, batch, units).
    """
    return _gru(projected, kernel, bias, h, _kept(mask, projected), sequences=sequences)


def _kept(mask: Any, projected: Any) -> Any:
    """The mask in numbers, one or zero; without a mask an array without numbers."""
    if mask is None:
        return jnp.zeros((0, projected.shape[1]), projected.dtype)
    return jnp.asarray(mask, projected.dtype)


def _sigmoid(x: Any) -> Any:
    return 0.5 + 0.5 * jnp.tanh(0.5 * x)


def _over(step: Any, state: Any, inputs: Any, keep: Any, backwards: bool = False) -> Any:
    """`lax.scan` of ``step(state, input, keep)``, with None for `keep` where there is no mask."""
    if keep.shape[0]:
        return lax.scan(lambda s, x: step(s, x[0], x[1][:, None]), state, (inputs, keep), reverse=backwards)
    return lax.scan(lambda s, x: step(s, x, None), state, inputs, reverse=backwards)


def _where(keep: Any, new: Any, old: Any) -> Any:
    return new if keep is None else jnp.where(keep != 0, new, old)


def _shifted(first: Any, all_of_them: Any) -> Any:
    """The states that the steps began with."""
    return jnp.concatenate([first[None], all_of_them[:-1]])


def _over_all(left: Any, right: Any) -> Any:
    """Σ over times and batch of leftᵀ right, the larger matrix first: CPUs multiply that order faster."""
    left, right = (a.reshape(-1, a.shape[-1]) for a in (left, right))
    return lax.dot_general(right, left, (((0,), (0,)), ((), ()))).T


# --- long short-term memory -----------------------------------------------------------------------------------------


def _lstm_step(kernel: Any, state: Any, z: Any, keep: Any) -> Any:
    h, c = state
    units = h.shape[-1]
    # One tanh over all gates, as σ(x) = ½ + ½ tanh(½x).
    scale = np.repeat(np.array([0.5, 0.5, 1.0, 0.5]), units).astype(z.dtype)
    gates = jnp.tanh((z + h @ kernel) * scale) * scale + (1 - scale)
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    new_c = f * c + i * g
    state = _where(keep, o * jnp.tanh(new_c), h), _where(keep, new_c, c)
    return state, (gates, *state)


def _lstm_meaning(projected: Any, kernel: Any, h: Any, c: Any, keep: Any, *, sequences: bool) -> Any:
    def step(state: Any, z: Any, keep: Any) -> Any:
        state, (_, h, _) = _lstm_step(kernel, state, z, keep)
        return state, h if sequences else None

    (h, c), hs = _over(step, (h, c), projected, keep)
    return (h, c, hs) if sequences else (h, c)


def _lstm_saving(projected: Any, kernel: Any, h: Any, c: Any, keep: Any, *, sequences: bool) -> Any:
    step = lambda state, z, keep: _lstm_step(kernel, state, z, keep)  # noqa: E731
    (h, c), (gates, hs, cs) = _over(step, (h, c), projected, keep)
    return (*((h, c, hs) if sequences else (h, c)), gates, hs, cs)


def _lstm_backward(operands: Any, saved: Any, slopes: Any, *, sequences: bool) -> Any:
    _, kernel, h, c, keep = operands
    gates, hs, cs = saved
    each = slopes[2] if sequences else jnp.zeros((len(hs), 0, 0), hs.dtype)

    def step(state: Any, given: Any, keep: Any) -> Any:
        gates, before, after, slope = given
        dh, dc = state
        dh = dh + slope if sequences else dh
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        shown = jnp.tanh(after)
        inner = dc + dh * o * (1 - shown * shown)
        dz = jnp.concatenate(
            [inner * g * i * (1 - i), inner * before * f * (1 - f), inner * i * (1 - g * g), dh * shown * o * (1 - o)],
            axis=-1,
        )  # fmt: skip
        dz = _where(keep, dz, jnp.zeros_like(dz))
        past = lax.dot_general(dz, kernel, (((1,), (1,)), ((), ())))
        return (_where(keep, past, dh), _where(keep, inner * f, dc)), dz

    given = gates, _shifted(c, cs), cs, each
    (dh, dc), dz = _over(step, (slopes[0], slopes[1]), given, keep, backwards=True)
    return dz, _over_all(_shifted(h, hs), dz), dh, dc


def _lstm_saving_kernel(projected: Any, kernel: Any, h: Any, c: Any, keep: Any, *, sequences: bool) -> Any:
    states = jax.ShapeDtypeStruct((*projected.shape[:2], h.shape[-1]), projected.dtype)
    made = (jax.ShapeDtypeStruct(projected.shape, projected.dtype), states, states)
    call = jax.ffi.ffi_call("ranvier_lstm", made, input_output_aliases={0: 0})
    gates, hs, cs = call(projected, kernel, h, c, keep)
    return (*((hs[-1], cs[-1], hs) if sequences else (hs[-1], cs[-1])), gates, hs, cs)


def _lstm_backward_kernel(operands: Any, saved: Any, slopes: Any, *, sequences: bool) -> Any:
    _, kernel, h, c, keep = operands
    gates, hs, cs = saved
    each = slopes[2] if sequences else jnp.zeros((0, *h.shape), h.dtype)
    made = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (gates, kernel, h, c))
    call = jax.ffi.ffi_call("ranvier_lstm_gradient", made, input_output_aliases={0: 0})
    return call(gates, kernel, h, c, keep, hs, cs, slopes[0], slopes[1], each)


# --- gated recurrent units ------------------------------------------------------------------------------------------


def _gru_step(kernel: Any, bias: Any, h: Any, x: Any, keep: Any) -> Any:
    units = h.shape[-1]
    past = h @ kernel + bias
    z, r = jnp.split(_sigmoid(x[:, : 2 * units] + past[:, : 2 * units]), 2, axis=-1)
    past = past[:, 2 * units :]
    new = jnp.tanh(x[:, 2 * units :] + r * past)
    h = _where(keep, z * h + (1 - z) * new, h)
    return h, (jnp.concatenate([z, r, new, past], axis=-1), h)


def _gru_meaning(projected: Any, kernel: Any, bias: Any, h: Any, keep: Any, *, sequences: bool) -> Any:
    def step(h: Any, x: Any, keep: Any) -> Any:
        h, _ = _gru_step(kernel, bias, h, x, keep)
        return h, h if sequences else None

    h, hs = _over(step, h, projected, keep)
    return (h, hs) if sequences else (h,)


def _gru_saving(projected: Any, kernel: Any, bias: Any, h: Any, keep: Any, *, sequences: bool) -> Any:
    h, (gates, hs) = _over(lambda h, x, keep: _gru_step(kernel, bias, h, x, keep), h, projected, keep)
    return (*((h, hs) if sequences else (h,)), gates, hs)


def _gru_backward(operands: Any, saved: Any, slopes: Any, *, sequences: bool) -> Any:
    _, kernel, _, h, keep = operands
    gates, hs = saved
    each = slopes[1] if sequences else jnp.zeros((len(hs), 0, 0), hs.dtype)

    def step(dh: Any, given: Any, keep: Any) -> Any:
        gates, before, slope = given
        dh = dh + slope if sequences else dh
        z, r, new, past = jnp.split(gates, 4, axis=-1)
        dn = dh * (1 - z) * (1 - new * new)
        parts = dh * (before - new) * z * (1 - z), dn * past * r * (1 - r)
        dz, dr, dn = (_where(keep, d, jnp.zeros_like(d)) for d in (*parts, dn))
        by_past = jnp.concatenate([dz, dr, dn * r], axis=-1)
        back = dh * z + lax.dot_general(by_past, kernel, (((1,), (1,)), ((), ())))
        return _where(keep, back, dh), (jnp.concatenate([dz, dr, dn], axis=-1), by_past)

    dh, (dx, by_past) = _over(step, slopes[0], (gates, _shifted(h, hs), each), keep, backwards=True)
    return dx, _over_all(_shifted(h, hs), by_past), jnp.sum(by_past, (0, 1)), dh


def _gru_saving_kernel(projected: Any, kernel: Any, bias: Any, h: Any, keep: Any, *, sequences: bool) -> Any:
    shapes = (4 * h.shape[-1], h.shape[-1])
    made = tuple(jax.ShapeDtypeStruct((*projected.shape[:2], size), projected.dtype) for size in shapes)
    gates, hs = jax.ffi.ffi_call("ranvier_gru", made)(projected, kernel, bias, h, keep)
    return (*((hs[-1], hs) if sequences else (hs[-1],)), gates, hs)


def _gru_backward_kernel(operands: Any, saved: Any, slopes: Any, *, sequences: bool) -> Any:
    projected, kernel, bias, h, keep = operands
    gates, hs = saved
    each = slopes[1] if sequences else jnp.zeros((0, *h.shape), h.dtype)
    made = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (projected, kernel, bias, h))
    return jax.ffi.ffi_call("ranvier_gru_gradient", made)(kernel, h, keep, gates, hs, slopes[0], each)


def _fits(projected: Any, kernel: Any, *others: Any, sequences: bool) -> bool:
    return projected.dtype == "float32" and 0 not in (*projected.shape, *kernel.shape)


_lstm = Fused(
    "lstm", _lstm_meaning, _lstm_saving, _lstm_backward, 4, lambda sequences: 3 if sequences else 2,
    _lstm_saving_kernel, _lstm_backward_kernel, _fits,
)  # fmt: skip
_gru = Fused(
    "gru", _gru_meaning, _gru_saving, _gru_backward, 4, lambda sequences: 2 if sequences else 1,
    _gru_saving_kernel, _gru_backward_kernel, _fits,
)  # fmt: skip
