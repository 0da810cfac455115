"""Parts of recurrent layers: products with the state, gates, and what masks do to states and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.random import keep_mask
from ..recording import named

__all__ = [
    "dense", "dropout_mask", "hide", "last_step", "lstm_gates", "recurrent_product", "shown_steps", "time_major",
    "where_kept", "zeros",
]  # fmt: skip


@partial(named, makes=True)
def zeros(shape: tuple[int, ...], dtype: Any) -> Any:
    """A tensor of zeros."""
    return jnp.zeros(shape, dtype)


@named
def time_major(x: Any) -> Any:
    """(batch, time, ...) → (time, batch, ...) and back."""
    return jnp.swapaxes(x, 0, 1)


@named
def last_step(x: Any) -> Any:
    """(time, ...) → (...): what stands at the end."""
    return x[-1]


@named
def dense(inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """xW + b for all time steps at once.   (..., in) → (..., units)"""
    if bias is not None:  # b as one more row of W: the sum, and b's gradient, cost no pass over the result
        inputs = jnp.concatenate([inputs, jnp.ones((*inputs.shape[:-1], 1), inputs.dtype)], axis=-1)
        kernel = jnp.concatenate([kernel, bias[None]], axis=0)
    # As one product of two matrices: XLA's gradient of a product with more axes is slower on CPUs.
    return (inputs.reshape(-1, inputs.shape[-1]) @ kernel).reshape(*inputs.shape[:-1], -1)


@named
def recurrent_product(
    h: Any,
    kernel: Any,
    bias: Any = None,
    masks: Sequence[Any] | None = None,
    first: int = 0,
    last: int | None = None,
    count: int = 1,
) -> Any:
    """hU + b, or only the gates from `first` up to, but without, `last` of `count`.

    Args:
        h: (batch, units).
        kernel: U, (units, gates · units).
        bias: (gates · units,).
        masks: for each gate what h is multiplied by first.
        first, last, count: the part of the gates.
    """
    width = kernel.shape[-1] // count
    start, stop = first * width, (count if last is None else last) * width
    if masks is None:
        product = h @ (kernel if stop - start == kernel.shape[-1] else kernel[:, start:stop])
    else:
        each = kernel.shape[-1] // len(masks)
        gates = range(start // each, stop // each)
        parts = [(h * masks[g]) @ kernel[:, g * each : (g + 1) * each] for g in gates]
        product = jnp.concatenate(parts, axis=-1)
    return product if bias is None else product + bias[start:stop]


@named
@partial(jax.checkpoint, prevent_cse=False)
def lstm_gates(z: Any, c: Any) -> tuple[Any, Any]:
    """σ(o) tanh(c') and c' = σ(f)c + σ(i) tanh(g) with one tanh over all gates, as σ(x) = ½ + ½ tanh(½x).

    The backward loop computes it again: that takes less time than writing down and reading eight intermediate results.
    """
    scale = np.repeat(np.array([0.5, 0.5, 1.0, 0.5]), z.shape[-1] // 4).astype(z.dtype)
    i, f, g, o = jnp.split(jnp.tanh(z * scale) * scale + (1 - scale), 4, axis=-1)
    c = f * c + i * g
    return o * jnp.tanh(c), c


@named
def where_kept(kept: Any, new: Any, old: Any) -> Any:
    """`new` for the samples that are kept, (batch,), `old` for the others; both in one nested structure."""
    return jax.tree.map(lambda n, o: jnp.where(kept.reshape(-1, *(1,) * (n.ndim - 1)), n, o), new, old)


@named
def shown_steps(mask: Any) -> Any:
    """The steps from the first on that counts, (time, batch)."""
    return jax.lax.cummax(mask.astype("int32"), axis=0) > 0


@named
def hide(shown: Any, output: Any) -> Any:
    """The outputs, zeros where they are not shown."""
    return jnp.where(shown[..., None], output, jnp.zeros((), output.dtype))


@named
def dropout_mask(seed: Any, rate: float, shape: tuple[int, ...], dtype: Any, count: int | None = None) -> Any:
    """What a tensor of this shape is multiplied by for dropout; with a `count`, a list of so many."""
    full = shape if count is None else (count, *shape)
    scale = jnp.asarray(1 / (1 - rate) if rate < 1 else 0, dtype)
    mask = jnp.where(keep_mask(seed, 1 - rate, full), scale, jnp.zeros((), dtype))
    return mask if count is None else list(mask)
