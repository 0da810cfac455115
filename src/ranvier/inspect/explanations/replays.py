"""Computing a call again with its parts written out: each named quantity passes through a `Tap`.

A replica is a function ``(call, tap) → outputs`` that computes what the layer computes, from the same weights, inputs,
masks and random seeds, and hands each quantity worth seeing to the tap. Run once, it gives the values; differentiated by
what the tap adds, it gives their gradients.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ...core.errors import RanvierWarning
from ...core.masks import set_mask
from ...core.pure import Scope, scope
from ...core.variables import autocast_scope
from ...layers.context import call_context
from ...ops import symbolic
from .capture import Call, is_float
from .quantities import Quantity, numpy_of
from .samples import Sample

__all__ = ["Replica", "Tap", "arguments_of", "inside", "replay"]

Replica = Callable[[Call, "Tap"], Any]


class Tap:
    """Takes the quantities of a replica.

    Args:
        probes: zeros by name that are added to the quantities, to differentiate by; None: only look.
    """

    def __init__(self, probes: dict[str, Any] | None = None):
        self.probes = probes
        self.seen: dict[str, tuple[Any, str, str, tuple[str, ...]]] = {}

    def __call__(self, name: str, symbol: str, meaning: str, value: Any, axes: tuple[str, ...] = ()) -> Any:
        """Show `value`; returns it, to be used from here on."""
        if self.probes is not None and name in self.probes:
            value = value + self.probes[name]
        self.note(name, symbol, meaning, value, axes)
        return value

    def ahead(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """What to add to a quantity that comes to be inside a loop and is noted after it."""
        return jnp.zeros(shape, dtype) if self.probes is None else self.probes[name]

    def note(self, name: str, symbol: str, meaning: str, value: Any, axes: tuple[str, ...] = ()) -> None:
        """Show a quantity to which `ahead` was added, or that nothing flows from."""
        self.seen[name] = (value, symbol, meaning, axes)


def arguments_of(call: Call) -> dict[str, Any]:
    """What a layer was called on, by the names of its parameters."""
    bound = inspect.signature(call.layer.call).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def inside(call: Call, function: Callable[[], Any], values: dict[int, Any] | None = None) -> Any:
    """`function()` with the variables, the training flag and the masks that held in the call."""
    frame = Scope(closed=False)
    frame.values = dict(call.values) | (values or {})
    dtype = call.layer.compute_dtype if getattr(call.layer, "_casts_weights", bool)() else None
    with scope(frame), call_context(call.training), autocast_scope(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore", RanvierWarning)  # the model itself has warned already
        for leaf, mask in zip(symbolic.flatten((call.args, call.kwargs)), call.masks, strict=True):
            set_mask(leaf, mask)
        return function()


def replay(call: Call, replica: Replica, gradients: list[Any] | None, sample: Sample) -> list[Quantity]:
    """The quantities of a replica, with their gradients.

    Args:
        call: the call to compute again.
        replica: how.
        gradients: ∂L/∂output for each of the call's outputs (None: nothing flows from it), or None.
        sample: whose part of the quantities is wanted.
    """
    tap = Tap()
    inside(call, lambda: replica(call, tap))
    by_name: dict[str, Any] = {}
    if gradients is not None:
        probes = {n: jnp.zeros(jnp.shape(v[0]), v[0].dtype) for n, v in tap.seen.items() if is_float(v[0])}

        def flowing(probes: dict[str, Any]) -> Any:
            outputs = inside(call, lambda: replica(call, Tap(probes)))
            leaves = [leaf for leaf in symbolic.flatten(outputs) if hasattr(leaf, "shape")]
            parts = [jnp.vdot(o, g) for o, g in zip(leaves, gradients, strict=True) if g is not None]
            return sum(parts[1:], start=parts[0]) if parts else jnp.zeros(())

        by_name = jax.grad(flowing)(probes)
    return [
        Quantity(
            name, symbol, meaning, numpy_of(sample.pick(value)),
            numpy_of(sample.pick(by_name[name])) if name in by_name else None, axes, str(value.dtype),
        )
        for name, (value, symbol, meaning, axes) in tap.seen.items()
    ]  # fmt: skip
