"""Work that XLA shall not fuse with its surroundings, where the fused loop would do it many times over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["unfused"]


def unfused(function: Callable[..., Any], *operands: Any) -> Any:
    """`function(*operands)`, an array or a tuple, computed from operands in memory, its result put into memory.

    On CPUs XLA removes barriers before it fuses; a condition that it cannot foresee stays. Call it inside a cached
    `jax.jit`: outside of one every call would be compiled.
    """
    always = lax.optimization_barrier(jnp.ones((), bool))
    out = jax.eval_shape(function, *operands)
    return lax.cond(always, function, lambda *_: jax.tree.map(lambda o: jnp.zeros(o.shape, o.dtype), out), *operands)
