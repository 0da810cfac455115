"""Shapes, axes, pieces and places."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.errors import ArgumentError, ShapeError, UnknownSizeError
from ..core.variables import Variable
from . import symbolic
from .symbolic import KerasTensor, get_item, op
from .tensors import as_array, sum_dtype, tensor
from .unknown_sizes import blank

__all__ = [
    "argsort", "array_split", "broadcast_to", "concatenate", "cross", "diag", "diagonal", "diff", "digitize",
    "einsum", "expand_dims", "flip", "get_item", "hstack", "moveaxis", "nonzero", "pad", "ravel", "repeat", "reshape",
    "roll", "rot90", "scatter", "scatter_update", "searchsorted", "slice", "slice_update", "sort", "split",
    "squeeze", "stack", "swapaxes", "take", "take_along_axis", "tensordot", "tile", "trace", "transpose",
    "unstack", "vstack",
]  # fmt: skip


LONG = 10**6  # axes that are cut at given places are taken to be at least so long


@op
def reshape(x: Any, newshape: Any) -> Any:
    """`x` in another shape, -1 standing for what is left."""
    return jnp.reshape(as_array(x), _sizes(newshape))


@op
def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order."""
    return jnp.transpose(as_array(x), axes)


@op
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1."""
    return jnp.expand_dims(as_array(x), axis)


squeeze = symbolic.squeeze


@op
def flip(x: Any, axis: Any = None) -> Any:
    """Back to front."""
    return jnp.flip(as_array(x), axis)


@op
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Shifted round."""
    return jnp.roll(as_array(x), shift, axis)


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element several times."""
    counts = repeats if isinstance(repeats, (jax.Array, Variable)) else np.asarray(repeats)  # known to a trace, too
    return jnp.repeat(as_array(x), tensor(counts), axis)


@op
def tile(x: Any, repeats: Any) -> Any:
    """The whole several times."""
    return jnp.tile(as_array(x), repeats)


@op
def broadcast_to(x: Any, shape: Any) -> Any:
    """Broadcast to `shape`, in which None leaves a size as it is."""
    x, sizes = as_array(x), _sizes(shape)
    if isinstance(sizes, tuple) and None in sizes:
        own = (1,) * (len(sizes) - x.ndim) + x.shape
        sizes = tuple(n if s is None else s for s, n in zip(sizes, own, strict=True))
    return jnp.broadcast_to(x, sizes)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places."""
    return jnp.moveaxis(as_array(x), source, destination)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return jnp.swapaxes(as_array(x), axis1, axis2)


@op
def ravel(x: Any) -> Any:
    """All elements in one axis."""
    return jnp.ravel(as_array(x))


@op
def diag(x: Any, k: int = 0) -> Any:
    """The `k`-th diagonal of a matrix, or the matrix with this diagonal."""
    return jnp.diag(as_array(x), k)


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal over two axes."""
    return jnp.diagonal(as_array(x), offset, axis1, axis2)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal."""
    x = as_array(x)
    return jnp.trace(x, offset, axis1, axis2, dtype=sum_dtype(x))


@op
def sort(x: Any, axis: int = -1) -> Any:
    """In rising order."""
    return jnp.sort(as_array(x), axis=axis)


@op
def argsort(x: Any, axis: int = -1) -> Any:
    """The indices of the rising order."""
    return jnp.argsort(as_array(x), axis=axis).astype("int32")


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements at `indices` along `axis`."""
    return jnp.take_along_axis(as_array(x), as_array(indices), axis)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours."""
    return jnp.diff(as_array(a), n, axis)


def _nonzero_spec(x: Any) -> Any:
    return tuple(KerasTensor((None,), "int32") for _ in x.shape)


@partial(op, spec=_nonzero_spec)
def nonzero(x: Any) -> Any:
    """The indices of what is not 0."""
    return tuple(i.astype("int32") for i in jnp.nonzero(as_array(x)))


@op
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """The cross product."""
    return jnp.cross(as_array(x1), as_array(x2), axisa, axisb, axisc, axis)


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Products summed over axes."""
    return jnp.tensordot(as_array(x1), as_array(x2), axes)


@op
def concatenate(xs: Any, axis: int = 0) -> Any:
    """One after the other along `axis`."""
    return jnp.concatenate([as_array(x) for x in xs], axis)


@op
def stack(x: Any, axis: int = 0) -> Any:
    """One beside the other along a new `axis`."""
    return jnp.stack([as_array(v) for v in x], axis)


@op
def vstack(xs: Any) -> Any:
    """One below the other."""
    return jnp.vstack([as_array(x) for x in xs])


@op
def hstack(xs: Any) -> Any:
    """One beside the other."""
    return jnp.hstack([as_array(x) for x in xs])


@partial(op, small=LONG)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Pieces along `axis`."""
    return jnp.split(
        as_array(x),
        indices_or_sections if isinstance(indices_or_sections, int) else tuple(indices_or_sections),
        axis,
    )


@partial(op, small=LONG)
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Pieces along `axis`, of unequal size if need be."""
    return jnp.array_split(as_array(x), indices_or_sections, axis)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """The slices along `axis`, a list; `num` says how many there are where the size of the axis is unknown."""
    x = as_array(x)
    if num is None and blank(x.shape)[axis] is None:
        raise UnknownSizeError(f"unstack: the size of axis {axis} is unknown. Say how many slices there are: num=…")
    if num is not None and x.shape[axis] != num:
        raise ShapeError(f"unstack: num={num} slices are wanted of axis {axis} of a tensor of shape {x.shape}.")
    return [lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


@op
def digitize(x: Any, bins: Any) -> Any:
    """The bin of each element."""
    return jnp.digitize(as_array(x), as_array(bins)).astype("int32")


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where values would stand in a sorted vector."""
    return jnp.searchsorted(as_array(sorted_sequence), as_array(values), side=side).astype("int32")


@op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by 90 degrees `k` times."""
    return jnp.rot90(as_array(array), k, axes)


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The slices of `x` at `indices` along `axis`; negative indices count from the end."""
    return jnp.take(as_array(x), as_array(indices), axis)


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """`x` with elements put around it."""
    width = (
        tuple(tuple(int(n) for n in pair) if isinstance(pair, (list, tuple)) else pair for pair in pad_width)
        if isinstance(pad_width, (list, tuple))
        else pad_width
    )
    options = {} if constant_values is None else {"constant_values": constant_values}
    return jnp.pad(as_array(x), width, mode, **options)


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Products summed as the subscripts say."""
    return jnp.einsum(subscripts, *(as_array(o) for o in operands), **kwargs)


@op
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The block of `shape` that begins at `start_indices`; a size of -1 goes to the end of the axis."""
    inputs = as_array(inputs)
    if -1 in (sizes := tuple(shape)):
        starts = [int(i) for i in start_indices]
        ends = zip(sizes, starts, inputs.shape, strict=True)
        sizes = tuple(n - (start + n if start < 0 else start) if size == -1 else size for size, start, n in ends)
    return lax.dynamic_slice(inputs, start_indices, sizes)


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with a block replaced."""
    return lax.dynamic_update_slice(as_array(inputs), as_array(updates), start_indices)


@op
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of `shape` with `values` added at `indices`, (…, axes)."""
    values = as_array(values)
    return jnp.zeros(shape, values.dtype).at[_index(indices)].add(values)


@op
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """`inputs` with `updates` at `indices`, (…, axes).

    Args:
        inputs: a tensor.
        indices: places in the first axes of `inputs`, (…, axes).
        updates: what goes there, (…, further axes).
        reduction: None: updates replace what is there; ``"add"``, ``"max"``, ``"min"``, ``"mul"``: they join it.
    """
    if reduction not in (None, "add", "max", "min", "mul"):
        raise ArgumentError(f"reduction must be None, 'add', 'max', 'min' or 'mul'. Received: reduction={reduction!r}")
    inputs = as_array(inputs)
    places = inputs.at[_index(indices)]
    return getattr(places, reduction or "set")(as_array(updates).astype(inputs.dtype))


def _index(indices: Any) -> Any:
    indices = as_array(indices)
    return tuple(indices[..., i] for i in range(indices.shape[-1]))


def _sizes(shape: Any) -> Any:
    return shape if isinstance(shape, int) else tuple(shape)
