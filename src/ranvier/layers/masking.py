"""How masks go through a layer: from the tensors that carry them to `call`'s parameters, and on to the results."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import jax
import jax.numpy as jnp

from ..core.errors import RanvierWarning
from ..core.masks import get_mask, set_mask
from ..ops import symbolic
from .signatures import CallParameters

__all__ = ["Masks", "found_masks", "with_masks"]


class Masks:
    """What one call has to do with masks.

    Args:
        first: the first argument that holds tensors.
        mask: its mask, in the same structure: the one given to `call`, or else the one that it carries.
    """

    def __init__(self, first: Any, mask: Any):
        self.first = first
        self.mask = mask
        self.found = bool(symbolic.flatten(mask))


def found_masks(signature: CallParameters, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Masks, Any, Any]:
    """The masks of a call, and its arguments with those that tensors carry in the parameters that take them.

    The mask of the first argument goes to `mask`, that of any argument `x` to `x_mask`; a mask that the caller gave
    stays. It makes no difference whether an argument came by position or by keyword.
    """
    given = dict(zip(signature.positional, args, strict=False)) | kwargs
    tensors = [n for n in signature.names if n != "training" and not _is_mask(n, signature) and _holds(given.get(n))]
    if not tensors:
        first = args[0] if args else next(iter(kwargs.values()), None)
        return Masks(first, symbolic.rebuild(first, get_mask)), args, kwargs
    positions = list(args)
    for name in tensors:
        parameter = _parameter(name, signature, first=name is tensors[0])
        if parameter is None or given.get(parameter) is not None:
            continue
        mask = symbolic.rebuild(given[name], get_mask)
        if not symbolic.flatten(mask):
            continue
        given[parameter] = mask
        if parameter in signature.positional[: len(args)]:  # None by position
            positions[signature.positional.index(parameter)] = mask
        else:
            kwargs = kwargs | {parameter: mask}
    first = given[tensors[0]]
    parameter = _parameter(tensors[0], signature, first=True)
    mask = given.get(parameter) if parameter is not None else None
    if mask is None:
        mask = symbolic.rebuild(first, get_mask)
    return Masks(first, mask), tuple(positions), kwargs


def _is_mask(name: str, signature: CallParameters) -> bool:
    return name == "mask" or (name.endswith("_mask") and name.removesuffix("_mask") in signature.names)


def _parameter(name: str, signature: CallParameters, first: bool) -> str | None:
    """The parameter that takes the mask of the argument `name`."""
    wanted = ("mask", f"{name}_mask") if first else (f"{name}_mask",)
    return next((w for w in wanted if w in signature.names), None)


def _holds(value: Any) -> bool:
    """Whether there are tensors in an argument."""
    return any(hasattr(leaf, "shape") for leaf in symbolic.flatten(value))


def with_masks(layer: Any, masks: Masks, outputs: Any) -> Any:
    """The results of a call, carrying the masks that `layer.compute_mask` gives them.

    A result that is an argument, unchanged, becomes an array of its own where its mask differs: what was passed in keeps
    the mask that it has.
    """
    if not layer.supports_masking:
        if not masks.found:
            return outputs
        warnings.warn(
            f"Layer '{layer.name}' (of type {type(layer).__name__}) was passed a mask, which it does not support; "
            "the mask ends here.",
            RanvierWarning,
            stacklevel=4,
        )
        inputs = [leaf for leaf in symbolic.flatten(masks.first) if get_mask(leaf) is not None]
        return symbolic.rebuild(outputs, lambda leaf: _copy(leaf) if any(leaf is x for x in inputs) else leaf)
    computed = layer.compute_mask(masks.first, masks.mask if masks.found else None)
    new = jax.tree.leaves(computed, is_leaf=lambda mask: mask is None)  # one for each output, None among them
    results = iter([_masked(*pair, masks) for pair in itertools.zip_longest(symbolic.flatten(outputs), new)])
    return symbolic.rebuild(outputs, lambda _: next(results))


def _masked(output: Any, mask: Any, masks: Masks) -> Any:
    """`output` with `mask`; one that layers inside have given it stays."""
    known = get_mask(output)
    if not any(output is leaf for leaf in symbolic.flatten(masks.first)):
        if known is None and output is not None:
            set_mask(output, mask)
        return output
    if mask is not known:
        output = _copy(output)
        set_mask(output, mask)
    return output


def _copy(x: Any) -> Any:
    return jnp.array(x, copy=True) if isinstance(x, jax.Array) else x
