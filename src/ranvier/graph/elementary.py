"""Elementary operations that functions of ops compute, too: what Python's operators and `jax.numpy` leave in a program.

``x + y`` of two tensors is an ``add``, whoever writes it. Operands of a program's elementary operations have one shape; those
that were only broadcast to it are taken from before that, as the function of ops would take them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

__all__ = ["ELEMENTARY", "broadcasts_like_numpy", "is_matmul"]

#: By JAX's names: the name of the function of ops, and how it is evaluated on operands that broadcast.
ELEMENTARY: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("add", jnp.add),
    "add_any": ("add", jnp.add),
    "sub": ("subtract", jnp.subtract),
    "mul": ("multiply", jnp.multiply),
    "div": ("divide", lambda x, y: lax.div(*jnp.broadcast_arrays(x, y))),  # of integers, too, in their dtype
    "pow": ("power", lambda x, y: lax.pow(*jnp.broadcast_arrays(x, y))),
    "max": ("maximum", jnp.maximum),
    "min": ("minimum", jnp.minimum),
    "eq": ("equal", jnp.equal),
    "ne": ("not_equal", jnp.not_equal),
    "lt": ("less", jnp.less),
    "le": ("less_equal", jnp.less_equal),
    "gt": ("greater", jnp.greater),
    "ge": ("greater_equal", jnp.greater_equal),
    "neg": ("negative", lax.neg),
    "abs": ("absolute", lax.abs),
    "sign": ("sign", lax.sign),
    "exp": ("exp", lax.exp),
    "log": ("log", lax.log),
    "log1p": ("log1p", lax.log1p),
    "expm1": ("expm1", lax.expm1),
    "sqrt": ("sqrt", lax.sqrt),
    "rsqrt": ("rsqrt", lax.rsqrt),
    "square": ("square", lax.square),
    "tanh": ("tanh", lax.tanh),
    "logistic": ("sigmoid", lax.logistic),
    "sin": ("sin", lax.sin),
    "cos": ("cos", lax.cos),
    "floor": ("floor", lax.floor),
    "ceil": ("ceil", lax.ceil),
    "erf": ("erf", lax.erf),
}


def broadcasts_like_numpy(source: tuple[Any, ...], target: tuple[Any, ...], axes: tuple[int, ...]) -> bool:
    """Whether a tensor broadcast from one shape to another, its axes becoming these, is what an operator would make of it."""
    return axes == tuple(range(len(target) - len(source), len(target)))


def is_matmul(params: dict[str, Any], left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """Whether a general product is what ``@`` means: the last axis of the one and the last but one of the other."""
    (contracted, (of_left, of_right)), rank = params["dimension_numbers"], len(right)
    stacked = tuple(range(rank - 2))
    if contracted != ((len(left) - 1,), (rank - 2,)) or rank < 2:
        return False
    return (of_left, of_right) == (stacked, stacked) and (rank == 2 or len(left) == rank)
