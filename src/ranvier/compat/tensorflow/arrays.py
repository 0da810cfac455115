"""Functions that arrange tensors: shapes, parts, indices, order."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ...core.errors import ArgumentError
from ...ops.symbolic import op
from . import dtypes
from .declaring import InvalidArgumentError, as_axis, operands
from .dtypes import dtype_name
from .results import Unique, UniqueWithCounts
from .shapes import static_shape
from .tensors import array_of

__all__ = [
    "argsort", "bitcast", "boolean_mask", "broadcast_dynamic_shape", "broadcast_static_shape", "broadcast_to",
    "clip_by_global_norm", "clip_by_norm", "clip_by_value", "concat", "dynamic_partition", "dynamic_stitch",
    "ensure_shape", "expand_dims", "gather", "gather_nd", "global_norm", "histogram_fixed_width", "identity",
    "identity_n", "no_op", "norm", "pad", "repeat", "reshape", "reverse", "reverse_sequence", "roll", "scatter_nd",
    "searchsorted", "slice", "sort", "split", "squeeze", "stack", "strided_slice", "tensor_scatter_nd_add",
    "tensor_scatter_nd_max", "tensor_scatter_nd_min", "tensor_scatter_nd_sub", "tensor_scatter_nd_update", "tile",
    "transpose", "unique", "unique_with_counts", "unravel_index", "unstack", "where",
]  # fmt: skip


# --- shapes -----------------------------------------------------------------------------------------------------------


@op
def reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """The same numbers in another shape; one size may be -1."""
    return array_of(tensor).reshape(static_shape(shape))


@op
def expand_dims(input: Any, axis: Any, name: str | None = None) -> Any:
    """With a new axis of size 1 at `axis`."""
    return jnp.expand_dims(array_of(input), as_axis(axis))


@op
def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Without axes of size 1: all, or those named."""
    return jnp.squeeze(array_of(input), as_axis(axis) if axis != [] else None)


@op
def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str | None = None) -> Any:
    """With the axes in another order; None: reversed."""
    found = jnp.transpose(array_of(a), None if perm is None else static_shape(perm))
    return jnp.conj(found) if conjugate else found


@op
def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Any:
    """Repeated along axes of size 1, and along new ones in front."""
    return jnp.broadcast_to(array_of(input), static_shape(shape))


def broadcast_static_shape(shape_x: Any, shape_y: Any) -> Any:
    """The shape that two shapes give together."""
    from .shapes import TensorShape

    return TensorShape(np.broadcast_shapes(tuple(shape_x), tuple(shape_y)))


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Any:
    """The shape that two shapes give together, as integers."""
    from .shapes import ShapeTensor

    return np.asarray(np.broadcast_shapes(static_shape(shape_x), static_shape(shape_y)), np.int32).view(ShapeTensor)


@op
def identity(input: Any, name: str | None = None) -> Any:
    """A copy."""
    return jnp.copy(array_of(input))


def identity_n(input: Sequence[Any], name: str | None = None) -> list[Any]:
    """Copies."""
    return [identity(x) for x in input]


def no_op(name: str | None = None) -> None:
    """Nothing."""


@op
def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Any:
    """`x`, which must have that shape."""
    from .shapes import TensorShape

    x = array_of(x)
    if not TensorShape(shape).is_compatible_with(x.shape):
        raise InvalidArgumentError(
            f"Shape of tensor {tuple(x.shape)} is not compatible with expected shape {TensorShape(shape)}."
        )
    return x


# --- together and apart -----------------------------------------------------------------------------------------------


@op
def concat(values: Any, axis: Any, name: str = "concat") -> Any:
    """One after the other along `axis`."""
    if not isinstance(values, (list, tuple)):
        return identity(values)
    return jnp.concatenate(_alike(values), int(axis))


@op
def stack(values: Any, axis: int = 0, name: str = "stack") -> Any:
    """Along a new axis."""
    return jnp.stack(_alike(values), int(axis))


def _alike(values: Any) -> list[Any]:
    """As arrays; Python numbers take the dtype of the tensors among them."""
    arrays = [array_of(v) for v in values]
    typed = [a.dtype for a, v in zip(arrays, values, strict=True) if hasattr(v, "dtype")]
    if typed:
        arrays = [a if hasattr(v, "dtype") else a.astype(typed[0]) for a, v in zip(arrays, values, strict=True)]
    return arrays


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list[Any]:
    """The parts along `axis`, without it."""
    return list(_unstack(value, axis))


@op
def _unstack(value: Any, axis: int) -> tuple[Any, ...]:
    value = array_of(value)
    return tuple(jnp.take(value, i, axis) for i in range(value.shape[axis]))


def split(value: Any, num_or_size_splits: Any, axis: int = 0, num: int | None = None, name: str = "split") -> list[Any]:
    """Cut along `axis` into equal parts, or into parts of these sizes (one may be -1)."""
    if not isinstance(num_or_size_splits, int) and np.ndim(np.asarray(num_or_size_splits)) == 0:
        num_or_size_splits = int(num_or_size_splits)
    given = num_or_size_splits if isinstance(num_or_size_splits, int) else tuple(int(s) for s in num_or_size_splits)
    return list(_split(value, given, int(axis)))


@op
def _split(value: Any, given: Any, axis: int) -> tuple[Any, ...]:
    value = array_of(value)
    if isinstance(given, int):
        if value.shape[axis] % given:
            raise InvalidArgumentError(
                f"split: axis {axis} of size {value.shape[axis]} cannot be cut into {given} equal parts."
            )
        return tuple(jnp.split(value, given, axis))
    sizes = list(given)
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] - sum(s for s in sizes if s != -1)
    if sum(sizes) != value.shape[axis] or min(sizes, default=0) < 0:
        raise InvalidArgumentError(
            f"split: sizes {list(given)} do not make up axis {axis} of size {value.shape[axis]}."
        )
    return tuple(jnp.split(value, np.cumsum(sizes)[:-1].tolist(), axis))


@op
def tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """Repeated so many times along each axis."""
    return jnp.tile(array_of(input), static_shape(multiples))


@op
def repeat(input: Any, repeats: Any, axis: int | None = None, name: str | None = None) -> Any:
    """Each element so many times."""
    times = repeats if isinstance(repeats, int) else np.asarray(array_of(repeats))
    return jnp.repeat(array_of(input), times, axis=axis)


@op
def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    """With so many elements more before and after each axis: ``"CONSTANT"``, ``"REFLECT"`` or ``"SYMMETRIC"``."""
    widths = [tuple(map(int, pair)) for pair in np.asarray(array_of(paddings)).tolist()]
    kind = mode.lower()
    if kind not in ("constant", "reflect", "symmetric"):
        raise ArgumentError(f"mode must be 'CONSTANT', 'REFLECT' or 'SYMMETRIC'. Received: mode={mode!r}")
    more = {"constant_values": array_of(constant_values)} if kind == "constant" else {}
    return jnp.pad(array_of(tensor), widths, mode=kind, **more)


@op
def reverse(tensor: Any, axis: Any, name: str | None = None) -> Any:
    """Back to front along the axes."""
    return jnp.flip(array_of(tensor), as_axis(axis))


@op
def reverse_sequence(
    input: Any, seq_lengths: Any, seq_axis: int | None = None, batch_axis: int | None = None, name: str | None = None
) -> Any:
    """The first so many steps of each sequence back to front."""
    x = jnp.moveaxis(array_of(input), (batch_axis or 0, 1 if seq_axis is None else seq_axis), (0, 1))
    lengths = array_of(seq_lengths)[:, None]
    steps = jnp.arange(x.shape[1])[None]
    index = jnp.where(steps < lengths, lengths - 1 - steps, steps)
    found = jnp.take_along_axis(x, index.reshape(*index.shape, *(1,) * (x.ndim - 2)), axis=1)
    return jnp.moveaxis(found, (0, 1), (batch_axis or 0, 1 if seq_axis is None else seq_axis))


@op
def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Any:
    """Shifted along the axes; what falls off comes back at the other end."""
    return jnp.roll(array_of(input), as_axis(shift), as_axis(axis))


@op
def slice(input_: Any, begin: Any, size: Any, name: str | None = None) -> Any:
    """The part that begins at `begin` and has that size; -1: to the end."""
    x = array_of(input_)
    sizes = [
        x.shape[i] - b if s == -1 else s for i, (b, s) in enumerate(zip(_maybe(begin), static_shape(size), strict=True))
    ]
    starts = _maybe(begin)
    if all(isinstance(b, int) for b in starts):
        for i, (b, s) in enumerate(zip(starts, sizes, strict=True)):
            if b < 0 or s < 0 or b + s > x.shape[i]:
                raise InvalidArgumentError(f"slice: axis {i} of size {x.shape[i]} has no {s} elements from {b} on.")
    return jax.lax.dynamic_slice(x, starts, sizes)


def _maybe(values: Any) -> list[Any]:
    """Numbers as Python's, where they are known."""
    return [
        v if isinstance(v, Tracer) else int(v)
        for v in (array_of(values) if not isinstance(values, (list, tuple)) else values)
    ]


@op
def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Any:
    """``input_[begin:end:strides]`` for each of the first axes; bits of the masks change what one of them means."""
    begin, end = static_shape(begin), static_shape(end)
    steps = static_shape(strides) if strides is not None else (1,) * len(begin)
    key: list[Any] = []
    for i, (b, e, s) in enumerate(zip(begin, end, steps, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            key.append(Ellipsis)
        elif new_axis_mask & bit:
            key.append(None)
        elif shrink_axis_mask & bit:
            key.append(b)
        else:
            key.append(_builtin_slice(None if begin_mask & bit else b, None if end_mask & bit else e, s))
    return array_of(input_)[tuple(key)]


_builtin_slice = type(np.s_[:])


# --- indices ----------------------------------------------------------------------------------------------------------


def _within(indices: Any, size: int, function: str) -> None:
    """Refuse indices that are too large, where they are known; TensorFlow does on the CPU."""
    if not isinstance(indices, Tracer) and indices.size:
        low, high = int(indices.min()), int(indices.max())
        if low < 0 or high >= size:
            raise InvalidArgumentError(f"{function}: indices must lie in [0, {size}). Received: from {low} to {high}")


@op
def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    axis: Any = None,
    batch_dims: int = 0,
    name: str | None = None,
) -> Any:
    """The parts of `params` at `indices` along `axis` (None: the first that is not a batch axis)."""
    x, index = array_of(params), array_of(indices)
    batch_dims = batch_dims % (index.ndim + 1) if batch_dims < 0 else batch_dims
    axis = batch_dims if axis is None else int(axis) % x.ndim
    _within(index, x.shape[axis], "gather")
    take = functools.partial(jnp.take, axis=axis - batch_dims, mode="fill" if isinstance(index, Tracer) else "clip")
    for _ in range(batch_dims):
        take = jax.vmap(take)
    return take(x, index)


@op
def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: str | None = None) -> Any:
    """The parts of `params` at `indices`, whose last axis counts axes of `params`."""
    x, index = array_of(params), array_of(indices)
    for i in range(index.shape[-1]):
        _within(index[..., i], x.shape[batch_dims + i], "gather_nd")

    def take(x: Any, index: Any) -> Any:
        return x.at[tuple(jnp.moveaxis(index, -1, 0))].get(mode="fill")

    for _ in range(batch_dims):
        take = jax.vmap(take)
    return take(x, index)


def _scattered(title: str, doc: str) -> Callable[..., Any]:
    @op
    def call(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
        x, index = array_of(tensor), array_of(indices)
        for i in range(index.shape[-1]):
            _within(index[..., i], x.shape[i], f"tensor_scatter_nd_{title}")
        place = x.at[tuple(jnp.moveaxis(index, -1, 0))]
        method = {"update": "set", "sub": "add"}.get(title, title)
        values = array_of(updates).astype(x.dtype)
        return getattr(place, method)(-values if title == "sub" else values)

    call.__name__ = f"tensor_scatter_nd_{title}"
    call.__doc__ = doc
    return call


tensor_scatter_nd_update = _scattered("update", "`tensor` with other numbers at `indices`.")
tensor_scatter_nd_add = _scattered("add", "`tensor` with `updates` added at `indices`.")
tensor_scatter_nd_sub = _scattered("sub", "`tensor` with `updates` subtracted at `indices`.")
tensor_scatter_nd_max = _scattered("max", "`tensor` with the larger number at `indices`.")
tensor_scatter_nd_min = _scattered("min", "`tensor` with the smaller number at `indices`.")


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Any:
    """Zeros of `shape` with `updates` added at `indices`."""
    return tensor_scatter_nd_add(jnp.zeros(static_shape(shape), array_of(updates).dtype), indices, updates)


def boolean_mask(tensor: Any, mask: Any, axis: int | None = None, name: str = "boolean_mask") -> Any:
    """The parts of `tensor` where `mask` is true; how many there are must be known, so not within a compiled function."""
    tensor, mask = array_of(tensor), array_of(mask)
    if isinstance(mask, Tracer):
        raise InvalidArgumentError(
            "boolean_mask gives a tensor whose size depends on numbers, which a compiled program cannot have. Use tf.where to "
            "replace what is masked, or weights of 0 in sums and means."
        )
    (places,) = np.nonzero(np.asarray(mask).ravel())
    axis = 0 if axis is None else axis
    flat = tensor.reshape(*tensor.shape[:axis], mask.size, *tensor.shape[axis + mask.ndim :])
    return jnp.take(flat, places, axis=axis)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """`x` where the condition is true and `y` elsewhere; with the condition alone, the indices where it is true."""
    if x is None and y is None:
        condition = array_of(condition)
        if isinstance(condition, Tracer):
            raise InvalidArgumentError(
                "where(condition) gives a tensor whose size depends on numbers, which a compiled program cannot have. Give x and "
                "y, or a function that needs no indices."
            )
        return jnp.asarray(np.argwhere(np.asarray(condition)).astype(np.int32))
    return _where(condition, x, y)


@op
def _where(condition: Any, x: Any, y: Any) -> Any:
    return jnp.where(array_of(condition), *operands(x, y))


def unravel_index(indices: Any, dims: Any, name: str | None = None) -> Any:
    """The coordinates of flat indices in an array of shape `dims`, (axes, indices)."""
    return jnp.stack(jnp.unravel_index(array_of(indices), static_shape(dims)))


def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: str | None = None) -> list[Any]:
    """The parts of `data` with each number in `partitions`; not within a compiled function."""
    partitions = array_of(partitions)
    return [boolean_mask(data, partitions == i) for i in builtins.range(num_partitions)]


def dynamic_stitch(indices: Sequence[Any], data: Sequence[Any], name: str | None = None) -> Any:
    """The rows of several tensors at the places that `indices` tell; not within a compiled function."""
    places = jnp.concatenate([array_of(i).ravel() for i in indices])
    shape = array_of(data[0]).shape[array_of(indices[0]).ndim :]
    rows = jnp.concatenate([array_of(d).reshape(-1, *shape) for d in data])
    return jnp.zeros((int(places.max()) + 1, *shape), rows.dtype).at[places].set(rows)


# --- order ------------------------------------------------------------------------------------------------------------


def _descends(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ArgumentError(f"direction must be 'ASCENDING' or 'DESCENDING'. Received: direction={direction!r}")
    return direction == "DESCENDING"


@op
def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None) -> Any:
    """In order along `axis`."""
    return jnp.sort(array_of(values), axis=axis, descending=_descends(direction))


@op
def argsort(
    values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = None
) -> Any:
    """The indices that sort along `axis`."""
    return jnp.argsort(array_of(values), axis=axis, descending=_descends(direction), stable=True).astype(jnp.int32)


@op
def searchsorted(
    sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = dtypes.int32, name: str | None = None
) -> Any:
    """Where each value belongs in the sorted sequence of its row."""
    sequence, values = array_of(sorted_sequence), array_of(values)
    find = functools.partial(jnp.searchsorted, side=side)
    for _ in range(sequence.ndim - 1):
        find = jax.vmap(find)
    return find(sequence, values).astype(dtype_name(out_type))


def unique(x: Any, out_idx: Any = dtypes.int32, name: str | None = None) -> Unique:
    """The different numbers in the order in which they come, and which of them each number is."""
    found = unique_with_counts(x)
    return Unique(found.y, found.idx)


def unique_with_counts(x: Any, out_idx: Any = dtypes.int32, name: str | None = None) -> UniqueWithCounts:
    """The different numbers in the order in which they come, which of them each number is, and how often each comes."""
    array = np.asarray(array_of(x))
    values, first, inverse, counts = np.unique(array, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return UniqueWithCounts(
        array_of(values[order]), jnp.asarray(rank[inverse.ravel()], "int32"), jnp.asarray(counts[order], "int32")
    )


def histogram_fixed_width(
    values: Any, value_range: Any, nbins: int = 100, dtype: Any = dtypes.int32, name: str | None = None
) -> Any:
    """How many numbers lie in each of `nbins` equal parts of the range; what lies outside counts at its ends."""
    low, high = (array_of(v) for v in value_range)
    values = array_of(values).ravel()
    place = jnp.clip(jnp.floor((values - low) / (high - low) * nbins), 0, nbins - 1).astype(jnp.int32)
    return jnp.zeros(nbins, dtype_name(dtype)).at[place].add(1)


# --- lengths ----------------------------------------------------------------------------------------------------------


@op
def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool | None = None, name: str | None = None
) -> Any:
    """The length of vectors (one axis, or None for all numbers) or of matrices (two axes)."""
    x, axis = array_of(tensor), as_axis(axis)
    if ord == "euclidean" or (axis is None and ord == 2):
        return jnp.sqrt(jnp.sum(jnp.square(jnp.abs(x)), axis, keepdims=bool(keepdims)))
    if axis is None:
        found = jnp.linalg.norm(x.ravel(), ord)
        return found.reshape((1,) * x.ndim) if keepdims else found
    return jnp.linalg.norm(x, ord, axis, keepdims=bool(keepdims))


@op
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """With smaller and larger numbers replaced by the limits."""
    t = array_of(t)
    low, high = (v if isinstance(v, (int, float)) else array_of(v) for v in (clip_value_min, clip_value_max))
    found = jnp.where(t > high, high, jnp.where(t < low, low, t))  # at a limit the gradient is that of `t`
    return found.astype(t.dtype)


@op
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """Shortened to a length of `clip_norm`, where it is longer."""
    t = array_of(t)
    squares = jnp.sum(jnp.square(t), as_axis(axes), keepdims=True)
    positive = squares > 0
    length = jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), squares)
    return t * clip_norm / jnp.maximum(length, clip_norm)


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Any:
    """The length of all tensors taken together; None counts nothing."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(array_of(t))) for t in t_list if t is not None))


def clip_by_global_norm(t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None) -> Any:
    """The tensors, shortened together to a length of `clip_norm` where they are longer, and their length before."""
    length = global_norm(t_list) if use_norm is None else array_of(use_norm)
    scale = jnp.where(jnp.isfinite(length), clip_norm / jnp.maximum(length, clip_norm), jnp.nan)
    return [None if t is None else (array_of(t) * scale).astype(array_of(t).dtype) for t in t_list], length


def bitcast(input: Any, type: Any, name: str | None = None) -> Any:
    """The same bits as another dtype."""
    return jax.lax.bitcast_convert_type(array_of(input), dtypes.as_dtype(type).dtype)
