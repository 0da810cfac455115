"""Two functions on the same arguments: results, dtypes, gradients and refusals, from one compiled program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .strategies import described

__all__ = ["differences", "differences_of_calls", "projected"]

UNOPTIMIZED = {"xla_backend_optimization_level": 0}  # the compiler takes longer than the numbers
REFUSALS = (ValueError, TypeError, IndexError, NotImplementedError, AttributeError, ZeroDivisionError, KeyError)
ROUNDING = {"float32": 2e-5, "complex64": 2e-5, "bfloat16": 2e-2, "float16": 4e-3, "float64": 1e-5}


def projected(outputs: Any) -> jax.Array:
    """One number that every floating output has a part in."""
    total = jnp.zeros(())
    for y in jax.tree.leaves(outputs):
        if jnp.iscomplexobj(y):
            y = jnp.stack([y.real, y.imag])
        if jnp.issubdtype(jnp.result_type(y), jnp.floating):
            total += jnp.sum(y * jnp.cos(jnp.arange(jnp.size(y), dtype="float32")).reshape(jnp.shape(y)))
    return total


def differences(ours: Any, theirs: Any, tolerance: float = 1.0) -> str:
    """What differs between two results beyond rounding; empty where nothing does."""
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} results, not {len(theirs)}"
    for mine, other in zip(ours, theirs, strict=True):
        mine, other = np.asarray(mine), np.asarray(other)
        if (mine.dtype, mine.shape) != (other.dtype, other.shape):
            return f"{mine.dtype}{list(mine.shape)}, not {other.dtype}{list(other.shape)}"
        if mine.dtype.kind not in "fcV":
            if not np.array_equal(mine, other):
                return f"{described(mine)}, not {described(other)}"
            continue
        rounding = tolerance * ROUNDING[mine.dtype.name]
        if mine.dtype.kind != "c":
            mine, other = mine.astype("float32"), other.astype("float32")
        finite = np.abs(other[np.isfinite(other)])
        scale = max(1.0, float(finite.max())) if finite.size else 1.0
        with np.errstate(all="ignore"):
            same = np.isclose(mine, other, rtol=rounding, atol=rounding * min(scale, 1e6), equal_nan=True)
        if not same.all():
            where = tuple(np.argwhere(~same)[0])
            return f"{mine[where]} at {[int(w) for w in where]} of {list(mine.shape)}, not {other[where]}"
    return ""


def _refusal(function: Callable[..., Any], arrays: list[Any]) -> Exception | None:
    try:
        jax.eval_shape(function, arrays)
    except REFUSALS as error:
        return error
    return None


def differences_of_calls(
    pairs: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    gradient: bool = True,
    traced: bool = True,
    tolerance: float = 1.0,
) -> dict[str, str]:
    """Names of those of the pairs (ours, theirs) that differ on the arguments, and how.

    Where theirs refuses the arguments, ours has to refuse them too. Gradients go to all float32 arrays.
    """
    leaves, tree = jax.tree.flatten((args, kwargs), is_leaf=lambda v: v is None)
    moving = [i for i, v in enumerate(leaves) if isinstance(v, np.ndarray)]
    arrays = [leaves[i] for i in moving]
    smooth = [i for i, v in enumerate(arrays) if v.dtype == "float32"]
    wrong: dict[str, str] = {}

    def results(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(values: list[Any]) -> Any:
            given = list(leaves)
            for i, v in zip(moving, values, strict=True):
                given[i] = v
            a, k = jax.tree.unflatten(tree, given)
            return function(*a, **k)

        def scalar(values: list[Any]) -> Any:
            outputs = call(values)
            return projected(outputs), outputs

        def with_gradient(values: list[Any]) -> Any:
            def of_smooth(some: list[Any]) -> Any:
                everything = list(values)
                for i, v in zip(smooth, some, strict=True):
                    everything[i] = v
                return scalar(everything)

            (_, outputs), slopes = jax.value_and_grad(of_smooth, has_aux=True)([values[i] for i in smooth])
            return outputs, slopes

        return with_gradient if gradient and smooth and traced else lambda values: (call(values), ())

    todo = {}
    for name, both in pairs.items():
        ours, theirs = map(results, both)
        if not traced:
            todo[name] = (ours, theirs)
            continue
        refused, expected = _refusal(ours, arrays), _refusal(theirs, arrays)
        if refused is None and expected is None:
            todo[name] = (ours, theirs)
        elif refused is None:
            wrong[name] = f"accepted, where Keras says {type(expected).__name__}: {expected}"[:300]
        elif expected is None:
            wrong[name] = f"refused with {type(refused).__name__}: {refused}"[:300]

    def run(values: list[Any]) -> Any:
        return {name: (ours(values), theirs(values)) for name, (ours, theirs) in todo.items()}

    if todo:
        found = jax.jit(run, compiler_options=UNOPTIMIZED)(arrays) if traced else _one_by_one(todo, arrays, wrong)
        for name, ((mine, mine_slope), (other, other_slope)) in found.items():
            text = differences(mine, other, tolerance)
            slope = differences(mine_slope, other_slope, 5 * tolerance)
            if text or slope:
                wrong[name] = text or f"gradient {slope}"
    return wrong


def _one_by_one(todo: dict[str, Any], arrays: list[Any], wrong: dict[str, str]) -> dict[str, Any]:
    found = {}
    for name, both in todo.items():
        outcomes = []
        for function in both:
            try:
                outcomes.append(function(arrays))
            except REFUSALS as error:
                outcomes.append(error)
        failed = [isinstance(o, Exception) for o in outcomes]
        if failed == [False, False]:
            found[name] = outcomes
        elif failed != [True, True]:
            word = "refused" if failed[0] else "accepted"
            wrong[name] = f"{word}: ours {described(outcomes[0])}, theirs {described(outcomes[1])}"[:400]
    return found
