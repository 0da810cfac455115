"""Functions of ``keras.backend`` that make, read, change and rearrange tensors and variables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops, random
from ...core.dtypes import standardize_dtype
from ...core.errors import ArgumentTypeError
from ...core.settings import floatx, standardize_data_format
from ...core.variables import Variable
from ...ops.symbolic import is_symbolic

__all__ = [
    "arange", "batch_flatten", "batch_get_value", "batch_set_value", "cast", "cast_to_floatx", "concatenate", "constant",
    "count_params", "dtype", "eval", "expand_dims", "eye", "flatten", "gather", "get_value", "identity", "int_shape",
    "is_placeholder", "is_sparse", "is_tensor", "is_variable", "moving_average_update", "ndim", "one_hot", "ones", "ones_like",
    "permute_dimensions", "print_tensor", "random_bernoulli", "random_binomial", "random_normal", "random_normal_variable",
    "random_uniform", "random_uniform_variable", "repeat", "repeat_elements", "reshape", "resize_images", "resize_volumes",
    "reverse", "set_value", "shape", "spatial_2d_padding", "spatial_3d_padding", "squeeze", "stack", "stop_gradient",
    "temporal_padding", "tile", "to_dense", "transpose", "truncated_normal", "update", "update_add", "update_sub", "variable",
    "zeros", "zeros_like",
]  # fmt: skip

shape, stop_gradient = ops.shape, ops.stop_gradient
tile, reshape, squeeze, stack = ops.tile, ops.reshape, ops.squeeze, ops.stack


# --- values ----------------------------------------------------------------------------------------------------------


def get_value(x: Any) -> Any:
    """The value of a variable or tensor as a NumPy array; of a scalar as a NumPy number."""
    if is_symbolic(x):
        raise ArgumentTypeError(
            "get_value takes variables and tensors with values; a symbolic tensor has none until the model is called. "
            "Use keras.Model(model.inputs, tensor).predict(x)."
        )
    found = ops.convert_to_numpy(x)
    return found[()] if found.ndim == 0 else found


eval = get_value


def set_value(x: Any, value: Any) -> None:
    """Give a variable a new value."""
    x.assign(np.asarray(value, dtype=_dtype_of(x)))


def batch_get_value(tensors: Any) -> list[Any]:
    """The values of several variables or tensors."""
    return [get_value(t) for t in tensors]


def batch_set_value(tuples: Any) -> None:
    """Give several variables new values, from pairs of variable and value."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Any, new_x: Any) -> Any:
    """Give a variable a new value; returns the variable."""
    x.assign(new_x)
    return x


def update_add(x: Any, increment: Any) -> Any:
    """Add to a variable; returns it."""
    x.assign_add(increment)
    return x


def update_sub(x: Any, decrement: Any) -> Any:
    """Subtract from a variable; returns it."""
    x.assign_sub(decrement)
    return x


def moving_average_update(x: Any, value: Any, momentum: Any) -> Any:
    """Move a variable towards `value`: x · momentum + value · (1 − momentum). Returns it."""
    x.assign(x.value * momentum + ops.cast(value, _dtype_of(x)) * (1 - momentum))
    return x


# --- new tensors and variables ---------------------------------------------------------------------------------------


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable with this value."""
    made = Variable(np.asarray(ops.convert_to_numpy(value), dtype or floatx()), dtype=dtype or floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """A tensor with this value, repeated to `shape` if one is given."""
    found = ops.convert_to_tensor(np.asarray(value), dtype or floatx())
    if shape is None:
        return found
    return ops.reshape(found, shape) if found.size == math.prod(shape) else ops.broadcast_to(found, shape)


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of zeros."""
    return variable(np.zeros(shape), dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of ones."""
    return variable(np.ones(shape), dtype, name)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A tensor of zeros in the shape of `x`."""
    return ops.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A tensor of ones in the shape of `x`."""
    return ops.ones_like(x, dtype)


def identity(x: Any, name: str | None = None) -> Any:
    """The tensor itself."""
    return ops.convert_to_tensor(x)


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable that holds the unit matrix."""
    rows, columns = (size, size) if isinstance(size, int) else size
    return variable(np.eye(rows, columns), dtype, name)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: str = "int32") -> Any:
    """Numbers from `start` to before `stop`; from 0 to before `start` where there is no `stop`."""
    return ops.arange(start, stop, step, dtype=dtype)


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers."""
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniformly distributed numbers."""
    return random.uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers, none further than two standard deviations from the mean."""
    return random.truncated_normal(shape, mean, stddev, dtype, seed)


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Any:
    """Ones with probability `p`, else zeros."""
    return ops.cast(random.uniform(shape, 0.0, 1.0, "float32", seed) < p, dtype or floatx())


random_binomial = random_bernoulli


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: Any = None
) -> Variable:
    """A variable of normally distributed numbers."""
    return variable(random.normal(shape, mean, scale, "float32", seed), dtype, name)


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: Any = None
) -> Variable:
    """A variable of uniformly distributed numbers."""
    return variable(random.uniform(shape, low, high, "float32", seed), dtype, name)


# --- what a tensor is ------------------------------------------------------------------------------------------------


def int_shape(x: Any) -> tuple[int | None, ...] | None:
    """The shape, None where a size is unknown; None for what has no shape."""
    found = getattr(x, "shape", None)
    return None if found is None else tuple(found)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(ops.shape(x))


def dtype(x: Any) -> str:
    """The dtype as a string such as ``"float32"``."""
    return _dtype_of(x)


def count_params(x: Any) -> int:
    """The number of elements."""
    sizes = [size for size in ops.shape(x) if size is not None]
    if len(sizes) < len(ops.shape(x)):
        raise ArgumentTypeError(f"A size is not known, so elements cannot be counted. Received: shape {ops.shape(x)}")
    return math.prod(sizes)


def is_sparse(tensor: Any) -> bool:
    """False: there are dense tensors only."""
    return False


def to_dense(tensor: Any) -> Any:
    """The tensor, which is dense."""
    return tensor


def is_placeholder(x: Any) -> bool:
    """Whether `x` is the symbolic tensor that an `Input` gave."""
    history = getattr(x, "_keras_history", None)
    return type(getattr(history, "operation", None)).__name__ == "InputLayer"


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor."""
    return ops.is_tensor(x)


def is_variable(x: Any) -> bool:
    """Whether `x` is a variable."""
    return isinstance(x, Variable)


def print_tensor(x: Any, message: str = "") -> Any:
    """Print a tensor's value whenever it is computed, in compiled programs too; returns it."""
    if not is_symbolic(x):
        import jax

        jax.debug.print("{message} {x}", message=message, x=ops.convert_to_tensor(x))
    return x


# --- other shapes and dtypes -----------------------------------------------------------------------------------------


def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype."""
    return ops.cast(x, dtype)


def cast_to_floatx(x: Any) -> Any:
    """`x` in `floatx`: a NumPy array where it is one or a list or number, else a tensor."""
    if is_symbolic(x) or ops.is_tensor(x) or isinstance(x, Variable):
        return ops.cast(x, floatx())
    return np.asarray(x, dtype=floatx())


def concatenate(tensors: Any, axis: int = -1) -> Any:
    """The tensors beside each other along `axis`."""
    return ops.concatenate(tensors, axis)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """`x` with another axis, of size 1."""
    return ops.expand_dims(x, axis)


def flatten(x: Any) -> Any:
    """All elements along one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """One row for each sample."""
    batch, *sizes = ops.shape(x)
    known = [size for size in sizes if size is not None]
    return ops.reshape(x, (-1, math.prod(known)) if len(known) == len(sizes) else (batch, -1))


def permute_dimensions(x: Any, pattern: Any) -> Any:
    """The axes in another order."""
    return ops.transpose(x, pattern)


def transpose(x: Any) -> Any:
    """The axes in reversed order."""
    return ops.transpose(x)


def gather(reference: Any, indices: Any) -> Any:
    """The rows of `reference` at `indices`."""
    return ops.take(reference, ops.cast(indices, "int32"), axis=0)


def one_hot(indices: Any, num_classes: int) -> Any:
    """A row with one 1 for each integer."""
    return ops.one_hot(ops.cast(indices, "int32"), num_classes)


def repeat(x: Any, n: int) -> Any:
    """Each row `n` times: (samples, size) → (samples, n, size)."""
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element `rep` times along `axis`."""
    return ops.repeat(x, rep, axis=axis)


def reverse(x: Any, axes: Any) -> Any:
    """`x` turned around along one or several axes."""
    return ops.flip(x, axes)


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Zeros before and after the steps: (samples, steps, size)."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around images."""
    return ops.pad(x, _around(padding, data_format))


def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around volumes."""
    return ops.pad(x, _around(padding, data_format))


def _around(padding: Any, data_format: str | None) -> tuple[Any, ...]:
    inside = tuple(tuple(p) for p in padding)
    last = standardize_data_format(data_format) == "channels_last"
    return ((0, 0), *inside, (0, 0)) if last else ((0, 0), (0, 0), *inside)


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str | None, interpolation: str = "nearest"
) -> Any:
    """Images enlarged by whole factors."""
    data_format = standardize_data_format(data_format)
    height, width = x.shape[1:3] if data_format == "channels_last" else x.shape[2:4]
    size = (height * height_factor, width * width_factor)
    return ops.image.resize(x, size, interpolation, data_format=data_format)


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str | None) -> Any:
    """Volumes enlarged by whole factors."""
    first = 1 if standardize_data_format(data_format) == "channels_last" else 2
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), first):
        x = ops.repeat(x, factor, axis=axis)
    return x


def _dtype_of(x: Any) -> str:
    return standardize_dtype(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype)
