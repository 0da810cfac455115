"""Where a functional model begins: `Input` and its layer."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import standardize_dtype
from ..core.errors import ArgumentError
from ..core.hints import hint
from ..ops.symbolic import KerasTensor, Node
from .base import Layer

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """The layer behind `Input`: it has no computation, only a shape.

    Args:
        shape: the shape without the batch axis, None where unknown.
        batch_size: the batch size, if it is always the same.
        dtype: the dtype that inputs are cast to; None: `floatx()`.
        sparse, ragged: accepted for Keras's sake; only False.
        batch_shape: the shape with the batch axis, instead of `shape`.
        input_tensor: a symbolic tensor to stand for, instead of a new one.
        optional: whether None may be given.
        name: the layer's name.
    """

    config_excluded = frozenset(
        {"shape", "batch_size", "input_tensor", "trainable", "autocast", "activity_regularizer"}
    )

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name)
        for old, new in (("input_shape", "shape"), ("batch_input_shape", "batch_shape")):
            if (given := kwargs.pop(old, None)) is not None:
                hint(f"InputLayer.{old}", f"InputLayer({old}={given!r}) is InputLayer({new}={given!r}) in Keras 3.")
                shape, batch_shape = (given, batch_shape) if new == "shape" else (shape, given)
        if kwargs:
            raise ArgumentError(f"InputLayer has no argument {', '.join(map(repr, kwargs))}.")
        if sparse or ragged:
            raise ArgumentError("Input takes dense tensors only: sparse and ragged must be False.")
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if (shape is None) == (batch_shape is None):
            raise ArgumentError(
                "Input needs shape (without the batch axis) or batch_shape (with it): exactly one of the two."
            )
        if shape is not None:
            batch_shape = (batch_size, *(shape if isinstance(shape, (tuple, list)) else _refuse(shape)))
        for size in batch_shape:
            if size is not None and (isinstance(size, bool) or not hasattr(size, "__index__") or size < 0):
                raise ArgumentError(f"shape must hold non-negative integers or None. Received: {tuple(batch_shape)}")
        self.batch_shape = tuple(None if s is None else int(s) for s in batch_shape)
        self._input_dtype = standardize_dtype(dtype)
        self.sparse = False
        self.ragged = False
        self.optional = optional
        self.built = True
        output = (
            input_tensor
            if input_tensor is not None
            else KerasTensor(self.batch_shape, self._input_dtype, name=self.name)
        )
        Node(self, (), {}, output)

    def call(self) -> None:  # type: ignore[override]  # there is nothing to take
        """None: values of inputs come from outside."""

    @property
    def dtype(self) -> str:
        """The dtype that inputs are cast to."""
        return self._input_dtype

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self._input_dtype if name == "dtype" else super()._config_value(name, declared_by)


def _refuse(shape: Any) -> Any:
    raise ArgumentError(f"shape must be a tuple such as (28, 28), or (3,) for vectors. Received: shape={shape!r}")


def Input(  # noqa: N802  Keras's name
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor that stands for the input of a model.

    Args:
        shape: the shape without the batch axis, None where unknown.
        batch_size: the batch size, if it is always the same.
        dtype: the dtype that inputs are cast to; None: `floatx()`.
        sparse, ragged: accepted for Keras's sake; only False.
        batch_shape: the shape with the batch axis, instead of `shape`.
        name: the input's name.
        tensor: a symbolic tensor to stand for.
        optional: whether None may be given.

    >>> Input((28, 28)).shape
    (None, 28, 28)
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer._inbound_nodes[0].output_tensors[0]
