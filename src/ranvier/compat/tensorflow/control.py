"""Control flow over tensors: conditions, loops, maps."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ...core.errors import ArgumentError
from .functions import inside_function
from .tensors import array_of

__all__ = [
    "case", "cond", "control_dependencies", "foldl", "foldr", "grad_pass_through", "group", "init_scope", "map_fn",
    "numpy_function", "py_function", "recompute_grad", "scan", "switch_case", "tuple", "vectorized_map", "while_loop",
]  # fmt: skip


def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    name: str | None = None,
) -> Any:
    """`true_fn()` or `false_fn()`."""
    pred = array_of(pred)
    if not isinstance(pred, Tracer):
        return true_fn() if bool(pred) else false_fn()  # type: ignore[misc]
    return jax.lax.cond(pred, lambda: _arrays(true_fn()), lambda: _arrays(false_fn()))  # type: ignore[misc]


def case(
    pred_fn_pairs: Sequence[Any],
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """The result of the first function whose condition is true."""
    (pred, function), *rest = pred_fn_pairs
    if not rest and default is None:
        return cond(pred, function, function)
    return cond(pred, function, (lambda: case(rest, default)) if rest else default)


def switch_case(
    branch_index: Any, branch_fns: Any, default: Callable[[], Any] | None = None, name: str = "switch_case"
) -> Any:
    """The result of the function with that number; of the last one (or `default`) if there is none."""
    table = dict(enumerate(branch_fns)) if not isinstance(branch_fns, dict) else dict(branch_fns)
    if branch_fns and isinstance(branch_fns, (list, builtins_tuple)) and isinstance(branch_fns[0], builtins_tuple):
        table = dict(branch_fns)
    last = default if default is not None else table[max(table)]
    index = array_of(branch_index)
    if not isinstance(index, Tracer):
        return table.get(int(index), last)()
    chosen = [*(table.get(i, last) for i in range(max(table) + 1)), last]
    functions = [lambda f=f: _arrays(f()) for f in chosen]
    return jax.lax.switch(jnp.where((index < 0) | (index > max(table)), max(table) + 1, index), functions)


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: Any = None,
    name: str | None = None,
) -> Any:
    """`body(*loop_vars)` again and again as long as `cond(*loop_vars)`."""
    single = not isinstance(loop_vars, (list, builtins_tuple))
    state = _arrays([loop_vars] if single else list(loop_vars))

    def after(results: Any) -> list[Any]:
        return list(results) if isinstance(results, (list, builtins_tuple)) else [results]

    if not inside_function():
        count = 0
        while bool(array_of(cond(*state))) and (maximum_iterations is None or count < int(maximum_iterations)):
            state, count = after(body(*state)), count + 1
    else:
        limit = jnp.iinfo(jnp.int32).max if maximum_iterations is None else maximum_iterations
        _, state = jax.lax.while_loop(
            lambda s: jnp.logical_and(jnp.reshape(cond(*s[1]), ()), s[0] < limit),
            lambda s: (s[0] + 1, _as_before(after(body(*s[1])), s[1])),
            (jnp.int32(0), state),
        )
    return state[0] if single else type(loop_vars)(state)


def _as_before(new: list[Any], old: list[Any]) -> list[Any]:
    return jax.tree.map(lambda n, o: jnp.asarray(array_of(n), o.dtype), new, old)


def _arrays(structure: Any) -> Any:
    return jax.tree.map(array_of, structure)


def map_fn(
    fn: Callable[..., Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: Any = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """`fn` of each row, the results stacked."""
    elems = _arrays(elems)
    if inside_function():
        return jax.lax.map(lambda row: _arrays(fn(row)), elems)
    rows = jax.tree.leaves(elems)[0].shape[0]
    results = [_arrays(fn(jax.tree.map(lambda e, i=i: e[i], elems))) for i in range(rows)]
    return jax.tree.map(lambda *parts: jnp.stack(parts), *results)


def vectorized_map(fn: Callable[..., Any], elems: Any, fallback_to_while_loop: bool = True, warn: bool = True) -> Any:
    """`fn` of all rows at once."""
    return jax.vmap(lambda row: _arrays(fn(row)))(_arrays(elems))


def scan(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """All of ``state = fn(state, row)`` for the rows in turn; without `initializer` the first row is the first state."""
    elems = _arrays(elems)
    if reverse:
        elems = jax.tree.map(lambda e: jnp.flip(e, 0), elems)
    first, rest = (_arrays(initializer), elems) if initializer is not None else _first(elems)
    if inside_function():
        _, found = jax.lax.scan(lambda s, row: _twice(_as_before(_arrays(fn(s, row)), s)), first, rest)
    else:
        state, states = first, []
        for i in range(jax.tree.leaves(rest)[0].shape[0]):
            state = _arrays(fn(state, jax.tree.map(lambda e, i=i: e[i], rest)))
            states.append(state)
        found = jax.tree.map(lambda *parts: jnp.stack(parts), *states)
    if initializer is None:
        found = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, found)
    return jax.tree.map(lambda e: jnp.flip(e, 0), found) if reverse else found


def _twice(state: Any) -> Any:
    return state, state


def _first(elems: Any) -> Any:
    return jax.tree.map(lambda e: e[0], elems), jax.tree.map(lambda e: e[1:], elems)


def foldl(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, *args: Any, reverse: bool = False, **kwargs: Any
) -> Any:
    """The last of ``state = fn(state, row)`` for the rows in turn."""
    elems = _arrays(elems)
    if reverse:
        elems = jax.tree.map(lambda e: jnp.flip(e, 0), elems)
    state, rest = (_arrays(initializer), elems) if initializer is not None else _first(elems)
    if inside_function():
        return jax.lax.scan(lambda s, row: (_as_before(_arrays(fn(s, row)), s), None), state, rest)[0]
    for i in range(jax.tree.leaves(rest)[0].shape[0]):
        state = _arrays(fn(state, jax.tree.map(lambda e, i=i: e[i], rest)))
    return state


def foldr(fn: Callable[..., Any], elems: Any, initializer: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The last of ``state = fn(state, row)`` for the rows from the last to the first."""
    return foldl(fn, elems, initializer, reverse=True)


def numpy_function(
    func: Callable[..., Any] | None = None,
    inp: Sequence[Any] | None = None,
    Tout: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """`func` of NumPy arrays; `Tout` says the results' dtypes. Not within a compiled function. Also a decorator.

    >>> from ranvier.compat import tensorflow as tf
    >>> @tf.numpy_function(Tout=tf.float32)
    ... def double(x):
    ...     return 2 * x
    >>> float(double(1.5))
    3.0
    """
    if func is None:
        return lambda func: functools.wraps(func)(lambda *inp: numpy_function(func, inp, Tout))
    if inp is None:
        raise ArgumentError("inp must be given: the tensors that func is called with, as in [x, y].")
    arrays = [array_of(x) for x in inp]
    if any(isinstance(a, Tracer) for a in arrays):
        raise ArgumentError(
            "numpy_function and py_function run Python on numbers, which a compiled program has not. Write it with tf.* or "
            "keras.ops functions, or run uncompiled: tf.config.run_functions_eagerly(True), compile(run_eagerly=True)."
        )
    import numpy as np

    results = func(*(np.asarray(a) for a in arrays))
    if isinstance(Tout, (list, builtins_tuple)):
        return [array_of(r, t) for r, t in zip(results, Tout, strict=True)]
    return array_of(results, Tout)


def py_function(
    func: Callable[..., Any] | None = None, inp: Any = None, Tout: Any = None, name: str | None = None
) -> Any:
    """`func` of tensors, run as Python; `Tout` says the results' dtypes. Not within a compiled function. Also a decorator."""
    if func is None:
        return lambda func: functools.wraps(func)(lambda *inp: py_function(func, inp, Tout))
    if inp is None:
        raise ArgumentError("inp must be given: the tensors that func is called with, as in [x, y].")
    arrays = [array_of(x) for x in inp]
    if any(isinstance(a, Tracer) for a in arrays):
        numpy_function(func, inp, Tout)  # type: ignore[arg-type]
    results = func(*arrays)  # type: ignore[misc]
    if isinstance(Tout, (list, builtins_tuple)):
        return [array_of(r, t) for r, t in zip(results, Tout, strict=True)]
    return array_of(results, Tout)


def recompute_grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, of which gradients compute the intermediate values again."""
    return jax.checkpoint(f)


def grad_pass_through(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, with the gradient of the identity."""

    def run(x: Any) -> Any:
        x = array_of(x)
        return x + jax.lax.stop_gradient(array_of(f(x)) - x)

    return run


@contextlib.contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """A context without effect: what is written first happens first."""
    yield


@contextlib.contextmanager
def init_scope() -> Iterator[None]:
    """Within it, numbers are computed at once, also inside a compiled function."""
    with jax.ensure_compile_time_eval():
        yield


def group(*inputs: Any, **kwargs: Any) -> None:
    """Nothing: what is written has happened."""


builtins_tuple = tuple


def tuple(tensors: Any, control_inputs: Any = None, name: str | None = None) -> Any:
    """The tensors."""
    return list(tensors)
