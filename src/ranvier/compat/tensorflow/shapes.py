"""Shapes: `TensorShape` is a tuple that can do more, `shape` gives numbers that stay known while a program is traced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...core.variables import Variable
from ...ops.symbolic import KerasTensor
from . import dtypes

__all__ = ["ShapeTensor", "TensorShape", "TensorSpec", "rank", "shape", "shape_n", "size", "static_shape"]


class TensorShape(tuple):
    """Sizes, None where unknown.

    Args:
        dims: the sizes; None: not even their number is known.

    >>> TensorShape([2, None]).as_list(), TensorShape((2, 3)) + [4], TensorShape([1, 2]) == (1, 2)
    ([2, None], TensorShape([2, 3, 4]), True)
    """

    __slots__ = ()

    def __new__(cls, dims: Any = ()) -> TensorShape:
        if dims is None:
            return _Unknown.__new__(_Unknown)
        if isinstance(dims, (int, np.integer)):
            dims = (dims,)
        return super().__new__(cls, (None if d is None else int(d) for d in dims))

    @property
    def rank(self) -> int | None:
        """The number of axes."""
        return len(self)

    ndims = rank

    @property
    def dims(self) -> list[Any] | None:
        """The sizes as a list."""
        return list(self)

    def as_list(self) -> list[int | None]:
        """The sizes as a list."""
        return list(self)

    def is_fully_defined(self) -> bool:
        """Whether every size is known."""
        return all(d is not None for d in self)

    def num_elements(self) -> int | None:
        """The product of the sizes; None if one is unknown."""
        return int(np.prod(self, dtype=np.int64)) if self.is_fully_defined() else None

    def is_compatible_with(self, other: Any) -> bool:
        """Whether a tensor could have both shapes."""
        other = TensorShape(other)
        if self.rank is None or other.rank is None:
            return True
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other, strict=True)
        )

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raise if no tensor could have both shapes."""
        if not self.is_compatible_with(other):
            raise ArgumentError(f"Shapes {self} and {TensorShape(other)} are incompatible")

    def assert_has_rank(self, rank: int) -> None:
        """Raise if the number of axes is another one."""
        if self.rank not in (None, rank):
            raise ArgumentError(f"Shape {self} must have rank {rank}")

    def with_rank(self, rank: int) -> TensorShape:
        """The shape, which must have that number of axes."""
        self.assert_has_rank(rank)
        return self

    def concatenate(self, other: Any) -> TensorShape:
        """These sizes, then those of `other`."""
        return TensorShape((*self, *TensorShape(other)))

    def merge_with(self, other: Any) -> TensorShape:
        """The sizes that either knows."""
        self.assert_is_compatible_with(other)
        return TensorShape([b if a is None else a for a, b in zip(self, TensorShape(other), strict=True)])

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return TensorShape(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> Any:
        found = (*self, *(() if other is None else other))
        return TensorShape(found) if all(d is None or isinstance(d, (int, np.integer)) for d in found) else found

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other)) if isinstance(other, (tuple, list)) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __str__(self) -> str:
        return tuple.__repr__(self)

    def __repr__(self) -> str:
        return f"TensorShape({list(self)})"

    def __reduce__(self) -> Any:
        return TensorShape, (tuple(self),)


class _Unknown(TensorShape):
    """A shape of which not even the number of axes is known."""

    __slots__ = ()

    def __new__(cls) -> _Unknown:
        return tuple.__new__(cls)

    @property
    def rank(self) -> int | None:
        """None."""
        return None

    ndims = rank

    @property
    def dims(self) -> list[Any] | None:
        """None."""
        return None

    def is_fully_defined(self) -> bool:
        """Never."""
        return False

    def __str__(self) -> str:
        return "<unknown>"

    def __repr__(self) -> str:
        return "TensorShape(None)"


class ShapeTensor(np.ndarray):
    """Integers that are known while a program is traced, so that shapes can be made of them; they print as tensors do."""

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(super().__getitem__(key)).view(ShapeTensor)

    def numpy(self) -> Any:
        """As NumPy."""
        return np.asarray(self)[()]

    def get_shape(self) -> TensorShape:
        """The shape."""
        return TensorShape(self.shape)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return np.asarray(array).view(ShapeTensor)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __hash__(self) -> int:  # type: ignore[override]  # as the number that it is, where it is one
        return hash(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.numpy(), spec)

    def __str__(self) -> str:
        from .tensors import tensor_str

        return tensor_str(np.asarray(self))

    def __repr__(self) -> str:
        from .tensors import tensor_repr

        return tensor_repr(np.asarray(self))


class TensorSpec:
    """What a tensor is like: shape, dtype, name.

    Args:
        shape: sizes, None where unknown.
        dtype: the dtype.
        name: a name.
    """

    def __init__(self, shape: Any = None, dtype: Any = dtypes.float32, name: str | None = None):
        self.shape = TensorShape(shape)
        self.dtype = dtypes.as_dtype(dtype)
        self.name = name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> TensorSpec:
        """The spec of a tensor."""
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, tensor: Any) -> bool:
        """Whether `tensor`, or a tensor of that spec, fits."""
        return self.shape.is_compatible_with(tensor.shape) and self.dtype == tensor.dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (repr(self.shape), self.dtype) == (repr(other.shape), other.dtype)

    def __hash__(self) -> int:
        return hash((repr(self.shape), self.dtype))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


def shape(input: Any, out_type: Any = dtypes.int32, name: str | None = None) -> Any:
    """The sizes of `input` as integers that are known also while a program is traced.

    >>> shape(np.ones((2, 3)))[0] * 2
    <tf.Tensor: shape=(), dtype=int32, numpy=4>
    """
    sizes = input.shape if hasattr(input, "shape") else np.shape(input)
    if any(size is None for size in sizes):
        return tuple(sizes)  # of a symbolic tensor: None says "unknown" to whoever makes a shape of it
    return np.asarray(sizes, np.int32).view(ShapeTensor)


def shape_n(input: Sequence[Any], out_type: Any = dtypes.int32, name: str | None = None) -> list[Any]:
    """The sizes of each tensor."""
    return [shape(x) for x in input]


def size(input: Any, out_type: Any = dtypes.int32, name: str | None = None) -> Any:
    """The number of elements."""
    return np.asarray(np.prod(shape(input), dtype=np.int32)).view(ShapeTensor)


def rank(input: Any, name: str | None = None) -> Any:
    """The number of axes."""
    return np.asarray(len(input.shape) if hasattr(input, "shape") else np.ndim(input), np.int32).view(ShapeTensor)


def static_shape(value: Any) -> tuple[int, ...]:
    """A shape that was given as a tuple, a list (with numbers of `shape` in it), a tensor or a number."""
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, KerasTensor):
        raise ArgumentError("A shape must consist of numbers. Received: a symbolic tensor")
    if hasattr(value, "shape") and not isinstance(value, TensorShape):
        value = np.asarray(value).tolist()
    return (int(value),) if isinstance(value, (int, np.integer)) else tuple(int(v) for v in value)
