"""Control flow on tensors, and gradients through variables' values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import lax

from .symbolic import op
from .tensors import tensor

__all__ = [
    "associative_scan",
    "cond",
    "custom_gradient",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
]  # fmt: skip


@op
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What `true_fn` gives where `pred` holds, else what `false_fn` gives."""
    return lax.cond(tensor(pred), true_fn, false_fn)


@op
def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """What the branch at `index` gives."""
    return lax.switch(tensor(index), branches, *operands)


@op
def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`body_fun(i, value)` for i from `lower` to before `upper`."""
    return lax.fori_loop(lower, upper, body_fun, init_val)


@op
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`body` as long as `cond` holds, at most `maximum_iterations` times."""
    single = not isinstance(loop_vars, (tuple, list))
    start = (loop_vars,) if single else tuple(loop_vars)

    def proceed(state: Any) -> Any:
        count, values = state
        go_on = cond(*values)
        return go_on if maximum_iterations is None else go_on & (count < maximum_iterations)

    def advance(state: Any) -> Any:
        count, values = state
        new = body(*values)
        return count + 1, tuple(new) if isinstance(new, (tuple, list)) else (new,)

    values = lax.while_loop(proceed, advance, (0, start))[1]
    return values[0] if single else values


@op
def scan(
    f: Callable[..., Any], init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int = 1
) -> Any:
    """`f(carry, x)` over the first axis; returns the last carry and the stacked results."""
    return lax.scan(f, init, xs, length, reverse, unroll)


@op
def associative_scan(f: Callable[..., Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Running results of an associative function, computed as a tree."""
    return lax.associative_scan(f, elems, reverse, axis)


@op
def map(f: Callable[..., Any], xs: Any) -> Any:
    """`f` of each slice along the first axis, one after the other."""
    return lax.map(f, xs)


@op
def vectorized_map(function: Callable[..., Any], elements: Any) -> Any:
    """`function` of each slice along the first axis, all at once."""
    return jax.vmap(function)(elements)


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function that broadcasts `pyfunc` over tensors."""
    return jax.numpy.vectorize(pyfunc, excluded=excluded or set(), signature=signature)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: `f(*args)` returns its result and a function from the result's gradient to the arguments'."""

    @jax.custom_vjp
    def run(*args: Any) -> Any:
        return f(*args)[0]

    def forward(*args: Any) -> Any:
        result, grad = f(*args)
        return result, jax.tree_util.Partial(grad)

    def backward(grad: Any, upstream: Any) -> Any:
        found = grad(upstream)
        return tuple(found) if isinstance(found, (tuple, list)) else (found,)

    run.defvjp(forward, backward)
    return run
