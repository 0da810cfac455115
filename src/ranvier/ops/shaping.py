"""Shapes, axes, pieces and places."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .symbolic import op
from .tensors import tensor

__all__ = [
    "argsort", "array_split", "broadcast_to", "concatenate", "cross", "diag", "diagonal", "diff", "digitize",
    "einsum", "expand_dims", "flip", "hstack", "moveaxis", "nonzero", "pad", "ravel", "repeat", "reshape",
    "roll", "rot90", "scatter", "scatter_update", "searchsorted", "slice", "slice_update", "sort", "split",
    "squeeze", "stack", "swapaxes", "take", "take_along_axis", "tensordot", "tile", "trace", "transpose",
    "unstack", "vstack",
]  # fmt: skip


@op
def reshape(x: Any, newshape: Any) -> Any:
    """`x` in another shape, -1 standing for what is left."""
    return jnp.reshape(jnp.asarray(tensor(x)), _sizes(newshape))


@op
def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order."""
    return jnp.transpose(jnp.asarray(tensor(x)), axes)


@op
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1."""
    return jnp.expand_dims(jnp.asarray(tensor(x)), axis)


@op
def squeeze(x: Any, axis: Any = None) -> Any:
    """Without axes of size 1."""
    return jnp.squeeze(jnp.asarray(tensor(x)), axis)


@op
def flip(x: Any, axis: Any = None) -> Any:
    """Back to front."""
    return jnp.flip(jnp.asarray(tensor(x)), axis)


@op
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Shifted round."""
    return jnp.roll(jnp.asarray(tensor(x)), shift, axis)


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element several times."""
    return jnp.repeat(jnp.asarray(tensor(x)), tensor(repeats), axis)


@op
def tile(x: Any, repeats: Any) -> Any:
    """The whole several times."""
    return jnp.tile(jnp.asarray(tensor(x)), repeats)


@op
def broadcast_to(x: Any, shape: Any) -> Any:
    """Broadcast to `shape`."""
    return jnp.broadcast_to(jnp.asarray(tensor(x)), _sizes(shape))


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places."""
    return jnp.moveaxis(jnp.asarray(tensor(x)), source, destination)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return jnp.swapaxes(jnp.asarray(tensor(x)), axis1, axis2)


@op
def ravel(x: Any) -> Any:
    """All elements in one axis."""
    return jnp.ravel(jnp.asarray(tensor(x)))


@op
def diag(x: Any, k: int = 0) -> Any:
    """The `k`-th diagonal of a matrix, or the matrix with this diagonal."""
    return jnp.diag(jnp.asarray(tensor(x)), k)


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal over two axes."""
    return jnp.diagonal(jnp.asarray(tensor(x)), offset, axis1, axis2)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal."""
    return jnp.trace(jnp.asarray(tensor(x)), offset, axis1, axis2)


@op
def sort(x: Any, axis: int = -1) -> Any:
    """In rising order."""
    return jnp.sort(jnp.asarray(tensor(x)), axis=axis)


@op
def argsort(x: Any, axis: int = -1) -> Any:
    """The indices of the rising order."""
    return jnp.argsort(jnp.asarray(tensor(x)), axis=axis).astype("int32")


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements at `indices` along `axis`."""
    return jnp.take_along_axis(jnp.asarray(tensor(x)), jnp.asarray(tensor(indices)), axis)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours."""
    return jnp.diff(jnp.asarray(tensor(a)), n, axis)


@op
def nonzero(x: Any) -> Any:
    """The indices of what is not 0."""
    return jnp.nonzero(jnp.asarray(tensor(x)))


@op
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """The cross product."""
    return jnp.cross(jnp.asarray(tensor(x1)), jnp.asarray(tensor(x2)), axisa, axisb, axisc, axis)


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Products summed over axes."""
    return jnp.tensordot(jnp.asarray(tensor(x1)), jnp.asarray(tensor(x2)), axes)


@op
def concatenate(xs: Any, axis: int = 0) -> Any:
    """One after the other along `axis`."""
    return jnp.concatenate([jnp.asarray(tensor(x)) for x in xs], axis)


@op
def stack(x: Any, axis: int = 0) -> Any:
    """One beside the other along a new `axis`."""
    return jnp.stack([jnp.asarray(tensor(v)) for v in x], axis)


@op
def vstack(xs: Any) -> Any:
    """One below the other."""
    return jnp.vstack([jnp.asarray(tensor(x)) for x in xs])


@op
def hstack(xs: Any) -> Any:
    """One beside the other."""
    return jnp.hstack([jnp.asarray(tensor(x)) for x in xs])


@op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Pieces along `axis`."""
    return jnp.split(
        jnp.asarray(tensor(x)),
        indices_or_sections if isinstance(indices_or_sections, int) else tuple(indices_or_sections),
        axis,
    )


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Pieces along `axis`, of unequal size if need be."""
    return jnp.array_split(jnp.asarray(tensor(x)), indices_or_sections, axis)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """The slices along `axis`, a list."""
    return [jnp.squeeze(v, axis) for v in jnp.split(jnp.asarray(tensor(x)), num or x.shape[axis], axis)]


@op
def digitize(x: Any, bins: Any) -> Any:
    """The bin of each element."""
    return jnp.digitize(jnp.asarray(tensor(x)), jnp.asarray(tensor(bins))).astype("int32")


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where values would stand in a sorted vector."""
    return jnp.searchsorted(jnp.asarray(tensor(sorted_sequence)), jnp.asarray(tensor(values)), side=side).astype(
        "int32"
    )


@op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by 90 degrees `k` times."""
    return jnp.rot90(jnp.asarray(tensor(array)), k, axes)


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The slices of `x` at `indices` along `axis`; negative indices count from the end."""
    return jnp.take(jnp.asarray(tensor(x)), jnp.asarray(tensor(indices)), axis)


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """`x` with elements put around it."""
    width = (
        tuple(tuple(int(n) for n in pair) if isinstance(pair, (list, tuple)) else pair for pair in pad_width)
        if isinstance(pad_width, (list, tuple))
        else pad_width
    )
    options = {} if constant_values is None else {"constant_values": constant_values}
    return jnp.pad(jnp.asarray(tensor(x)), width, mode, **options)


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Products summed as the subscripts say."""
    return jnp.einsum(subscripts, *(jnp.asarray(tensor(o)) for o in operands), **kwargs)


@op
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The block of `shape` that begins at `start_indices`."""
    return lax.dynamic_slice(jnp.asarray(tensor(inputs)), start_indices, shape)


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with a block replaced."""
    return lax.dynamic_update_slice(jnp.asarray(tensor(inputs)), jnp.asarray(tensor(updates)), start_indices)


@op
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of `shape` with `values` added at `indices`, (…, axes)."""
    values = jnp.asarray(tensor(values))
    return jnp.zeros(shape, values.dtype).at[_index(indices)].add(values)


@op
def scatter_update(inputs: Any, indices: Any, updates: Any) -> Any:
    """`inputs` with `updates` at `indices`, (…, axes)."""
    return jnp.asarray(tensor(inputs)).at[_index(indices)].set(jnp.asarray(tensor(updates)))


def _index(indices: Any) -> Any:
    indices = jnp.asarray(tensor(indices))
    return tuple(indices[..., i] for i in range(indices.shape[-1]))


def _sizes(shape: Any) -> Any:
    return shape if isinstance(shape, int) else tuple(shape)
