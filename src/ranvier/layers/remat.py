"""A layer's call whose intermediate values are computed again for gradients."""

from __future__ import annotations

import math
from typing import Any

import jax
from jax.core import Tracer

from ..core.masks import get_mask, set_mask
from ..core.pure import current_scope, pure, sketch
from ..core.remat import RematScope
from ..ops import symbolic
from .context import current_context

__all__ = ["rematerialized"]


def rematerialized(layer: Any, mode: RematScope, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``layer.call(*args, **kwargs)``; within a trace, of what `mode` says is kept nothing but the inputs."""
    leaves, structure = jax.tree.flatten((args, kwargs))
    arrays = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (Tracer, jax.Array))]
    if (
        current_scope() is None
        or not any(isinstance(leaf, Tracer) for leaf in leaves)
        or not _applies(layer, mode, args, kwargs)
    ):
        return layer.call(*args, **kwargs)
    variables = list({id(v): v for v in [*layer.variables, *layer.metrics_variables]}.values())
    context, changed, owners = current_context(), [], []

    def inside(inputs: list[Any], masks: list[Any]) -> Any:
        given = list(leaves)
        for i, value, mask in zip(arrays, inputs, masks, strict=True):
            given[i] = value
            set_mask(value, mask)
        begun = len(context.losses) if context is not None else 0
        again_args, again_kwargs = jax.tree.unflatten(structure, given)
        outputs = layer.call(*again_args, **again_kwargs)
        losses = []
        if context is not None:  # they leave as results: what is traced in here must not be seen outside
            owners[:] = [owner for owner, _ in context.losses[begun:]]
            losses = [loss for _, loss in context.losses[begun:]]
            del context.losses[begun:]
        return outputs, losses, [get_mask(leaf) for leaf in symbolic.flatten(outputs)]

    def run(values: list[Any], inputs: list[Any], masks: list[Any]) -> Any:
        results, new = pure(inside, variables)(values, inputs, masks)
        changed[:] = [i for i, (old, now) in enumerate(zip(values, new, strict=True)) if now is not old]
        return results, [new[i] for i in changed]

    # Without the products' results, only cheap work is done twice.
    policy = jax.checkpoint_policies.dots_saveable if mode.mode == "activations" else None
    inputs = [leaves[i] for i in arrays]
    (outputs, losses, masks), new = jax.checkpoint(run, policy=policy)(
        [v.exact_value() for v in variables], inputs, [get_mask(x) for x in inputs]
    )
    for i, value in zip(changed, new, strict=True):
        variables[i].assign(value)
    if context is not None:
        context.losses.extend(zip(owners, losses, strict=True))
    for leaf, mask in zip(symbolic.flatten(outputs), masks, strict=True):
        set_mask(leaf, mask)
    return outputs


def _applies(layer: Any, mode: RematScope, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if mode.mode == "list_of_layers":
        return layer.name in mode.layer_names
    if mode.mode == "larger_than":
        with sketch():
            outputs = jax.eval_shape(lambda: layer.call(*args, **kwargs))
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(outputs)) > mode.output_size_threshold
    return True
