"""Computing a call again with its parts written out: each named quantity passes through a `Tap`.

A replica is a function ``(call, tap) → outputs`` that computes what the layer computes, from the same weights, inputs,
masks and random seeds, and hands each quantity worth seeing to the tap. Run once, it gives the values; differentiated by
what the tap adds, it gives their gradients.
"""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.errors import RanvierWarning
from ...core.masks import set_mask
from ...core.pure import Scope, scope
from ...core.variables import autocast_scope
from ...layers.context import call_context
from ...ops import symbolic
from .capture import Call, is_float
from .compiling import compiled, signature
from .quantities import Quantity, numpy_of
from .samples import Sample

__all__ = ["Replica", "Tap", "arguments_of", "inside", "replay", "values_of"]

Replica = Callable[[Call, "Tap"], Any]


class Tap:
    """Takes the quantities of a replica.

    Args:
        probes: zeros by name that are added to the quantities, to differentiate by.

    Attributes:
        told: whatever else a replica has to say, in plain data.
    """

    def __init__(self, probes: dict[str, Any]):
        self.probes = probes
        self.seen: dict[str, tuple[Any, str, str, tuple[str, ...]]] = {}
        self.told: Any = None

    def __call__(self, name: str, symbol: str, meaning: str, value: Any, axes: tuple[str, ...] = ()) -> Any:
        """Show `value`; returns it, to be used from here on."""
        if name in self.probes:
            value = value + self.probes[name]
        self.note(name, symbol, meaning, value, axes)
        return value

    def ahead(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """What to add to a quantity that comes to be inside a loop and is noted after it."""
        return self.probes[name] if name in self.probes else jnp.zeros(shape, dtype)

    def note(self, name: str, symbol: str, meaning: str, value: Any, axes: tuple[str, ...] = ()) -> None:
        """Show a quantity to which `ahead` was added, or that nothing flows from."""
        self.seen[name] = (value, symbol, meaning, axes)


def arguments_of(call: Call) -> dict[str, Any]:
    """What a layer was called on, by the names of its parameters."""
    bound = inspect.signature(call.layer.call).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def inside(layer: Any, values: dict[int, Any], training: bool | None, function: Callable[[], Any]) -> Any:
    """`function()` where variables have these values (by id), under a training flag and in the layer's dtypes."""
    frame = Scope(closed=False)
    frame.values = dict(values)
    dtype = layer.compute_dtype if getattr(layer, "_casts_weights", bool)() else None
    with scope(frame), call_context(training), autocast_scope(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore", RanvierWarning)  # the model itself has warned already
        return function()


def values_of(call: Call) -> dict[int, Any]:
    """The values of the layer's own variables when it was called, by id."""
    return {id(v): call.values[id(v)] for v in call.layer.variables if id(v) in call.values}


def replay(call: Call, replica: Replica, gradients: list[Any] | None, sample: Sample) -> tuple[list[Quantity], Any]:
    """The quantities of a replica, with their gradients, and what else it told.

    Args:
        call: the call to compute again.
        replica: how.
        gradients: ∂L/∂output for each of the call's outputs (None: nothing flows from it), or None.
        sample: whose part of the quantities is wanted.
    """
    values = values_of(call)
    leaves, structure = jax.tree.flatten((call.args, call.kwargs, call.masks), is_leaf=lambda a: a is None)
    is_array = [isinstance(leaf, (jax.Array, np.ndarray)) and leaf.dtype.kind not in "OUS" for leaf in leaves]
    rest = [None if array else leaf for leaf, array in zip(leaves, is_array, strict=True)]
    arrays = [leaf for leaf, array in zip(leaves, is_array, strict=True) if array]

    def work(notes: dict[str, Any], held: list[Any], arrays: list[Any], gradients: Any) -> Any:
        fresh = iter(arrays)
        given = [next(fresh) if array else leaf for array, leaf in zip(is_array, rest, strict=True)]
        args, kwargs, masks = jax.tree.unflatten(structure, given)
        again = dataclasses.replace(call, args=args, kwargs=kwargs, masks=masks)

        def flowing(probes: dict[str, Any]) -> Any:
            tap = Tap(probes)

            def compute() -> Any:
                for leaf, mask in zip(symbolic.flatten((args, kwargs)), masks, strict=True):
                    set_mask(leaf, mask)
                return replica(again, tap)

            outputs = inside(call.layer, dict(zip(values, held, strict=True)), call.training, compute)
            notes["seen"] = {name: entry[1:] for name, entry in tap.seen.items()}
            notes["told"] = tap.told
            seen = {name: entry[0] for name, entry in tap.seen.items()}
            leaves = [leaf for leaf in symbolic.flatten(outputs) if hasattr(leaf, "shape")]
            parts = [jnp.vdot(o, g) for o, g in zip(leaves, gradients or (), strict=False) if g is not None]
            return sum(parts[1:], start=parts[0]) if parts else jnp.zeros(()), seen

        if gradients is None:
            return flowing({})[1], {}
        like = jax.eval_shape(lambda: flowing({})[1])
        probes = {name: jnp.zeros(a.shape, a.dtype) for name, a in like.items() if is_float(a)}
        by_name, seen = jax.grad(flowing, has_aux=True)(probes)
        return seen, by_name

    arguments = list(values.values()), arrays, gradients
    key = "replay", replica, call.training, str(structure), repr(rest), signature(arguments)
    traced = compiled(call.layer, key, work)
    seen, by_name = traced(*arguments)
    quantities = [
        Quantity(
            name, symbol, meaning, numpy_of(sample.pick(seen[name])),
            numpy_of(sample.pick(by_name[name])) if name in by_name else None, axes, str(seen[name].dtype),
        )
        for name, (symbol, meaning, axes) in traced.notes["seen"].items()
    ]  # fmt: skip
    return quantities, traced.notes["told"]
