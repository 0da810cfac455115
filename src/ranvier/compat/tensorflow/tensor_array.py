"""`TensorArray`: a list of tensors of one shape, written and read by number."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError
from .dtypes import as_dtype
from .tensors import array_of

__all__ = ["TensorArray"]


class TensorArray:
    """A list of tensors. Writing gives the array; the one before stays as it was.

    Args:
        dtype: the elements' dtype.
        size: how many there are at first.
        dynamic_size: whether writing beyond the end makes it longer.
        **kwargs: other arguments of TensorFlow's are accepted.

    >>> array = TensorArray("float32", size=2).write(0, 1.0).write(1, 2.0)
    >>> array.stack().tolist()
    [1.0, 2.0]
    """

    def __init__(self, dtype: Any, size: Any = None, dynamic_size: bool | None = None, **kwargs: Any):
        self.dtype = as_dtype(dtype)
        self.dynamic_size = bool(dynamic_size)
        self._items: list[Any] = [None] * int(size or 0)

    def _with(self, items: list[Any]) -> TensorArray:
        made = TensorArray(self.dtype, 0, self.dynamic_size)
        made._items = items
        return made

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with another element at `index`."""
        index, items = int(index), list(self._items)
        if index >= len(items):
            if not self.dynamic_size:
                raise ArgumentError(
                    f"Tried to write to index {index} but array is not resizeable and size is: {len(items)}"
                )
            items += [None] * (index + 1 - len(items))
        items[index] = array_of(value, self.dtype)
        return self._with(items)

    def read(self, index: Any, name: str | None = None) -> Any:
        """The element at `index`."""
        found = self._items[int(index)]
        if found is None:
            raise ArgumentError(f"Could not read index {int(index)}: it has not been written.")
        return found

    def stack(self, name: str | None = None) -> Any:
        """All elements along a new first axis; those that were not written are zeros."""
        shape = next((i.shape for i in self._items if i is not None), ())
        rows = [jnp.zeros(shape, self.dtype.name) if i is None else i for i in self._items]
        return jnp.stack(rows) if rows else jnp.zeros((0,), self.dtype.name)

    def concat(self, name: str | None = None) -> Any:
        """All elements one after the other."""
        return jnp.concatenate([i for i in self._items if i is not None])

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """The array of the rows of `value`."""
        return self._with(list(array_of(value, self.dtype)))

    def gather(self, indices: Any, name: str | None = None) -> Any:
        """The elements at these indices along a new first axis."""
        return jnp.stack([self.read(i) for i in array_of(indices)])

    def size(self, name: str | None = None) -> Any:
        """How many elements there are."""
        return jnp.asarray(len(self._items))

    def identity(self) -> TensorArray:
        """The array."""
        return self
