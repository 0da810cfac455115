"""Tensors are JAX's arrays; what programs ask of a tensor besides (`numpy`, `get_shape`, how it prints) is given to them.

The arrays that layers, `ops` and `jax.numpy` give and those of `tf.*` are of one class, so nothing has to be wrapped or
unwrapped, and nothing can be lost or computed twice on the way. `install` adds to that class what tensors have; before
it is called (importing `ranvier.compat.tensorflow` does), arrays are as JAX made them.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src.array import ArrayImpl  # `type(jnp.zeros(()))` while nothing is traced
from jax.core import Tracer

from ...core.random import forget_shared_generator, shared_generator
from ...core.variables import Variable
from ...ops.symbolic import KerasTensor
from .dtypes import dtype_name
from .shapes import ShapeTensor, TensorShape

__all__ = [
    "Tensor",
    "array_of",
    "convert_to_tensor",
    "install",
    "installed",
    "is_tensor",
    "numpy_repr",
    "tensor_repr",
    "tensor_str",
    "uninstall",
]

_Array: Any = ArrayImpl
_OPERATORS = [
    f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul") for side in ("", "r")
] + ["__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"]  # fmt: skip
_before: dict[tuple[Any, str], Any] = {}


class _TensorType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (jax.Array, ShapeTensor))


class Tensor(metaclass=_TensorType):
    """What `isinstance` takes for a tensor: JAX's arrays, also while a program is traced."""


def install() -> None:
    """Give JAX's arrays what tensors have: `numpy()`, `get_shape()`, a `shape` with `as_list()`, TensorFlow's printing."""
    if _before:
        return
    shared_generator()  # random numbers of compiled programs come from it
    shape = _Array.shape
    traced_shape = Tracer.shape
    _set(_Array, "shape", property(lambda self: TensorShape(shape.__get__(self))))
    _set(_Array, "numpy", lambda self: np.array(self)[()])
    _set(_Array, "__str__", lambda self: tensor_str(np.asarray(self)))
    _set(_Array, "__repr__", lambda self: tensor_repr(np.asarray(self)))
    _set(Tracer, "shape", property(lambda self: _shape_of_traced(traced_shape.__get__(self))))
    absent = Tracer.__getattr__
    _set(Tracer, "__getattr__", lambda self, name: _no_numbers(self) if name == "numpy" else absent(self, name))
    for kind in (_Array, Tracer):
        _set(kind, "get_shape", lambda self: self.shape)
        _set(kind, "set_shape", lambda self, shape: TensorShape(self.shape).assert_is_compatible_with(shape))
        for operator in _OPERATORS:
            _set(kind, operator, _of_lists_too(getattr(kind, operator)))


def uninstall() -> None:
    """Leave JAX's arrays as they were."""
    for (kind, name), value in _before.items():
        if value is None:
            delattr(kind, name)
        else:
            setattr(kind, name, value)
    _before.clear()
    forget_shared_generator()


def installed() -> bool:
    """Whether arrays have what tensors have."""
    return bool(_before)


def _set(kind: Any, name: str, value: Any) -> None:
    _before[kind, name] = vars(kind).get(name)
    setattr(kind, name, value)


def _of_lists_too(operator: Any) -> Any:
    """An operator of arrays that takes nested lists of numbers, as tensors do."""

    @functools.wraps(operator)
    def run(self: Any, other: Any) -> Any:
        return operator(self, array_of(other, self.dtype) if type(other) in (list, tuple) else other)

    return run


def _shape_of_traced(shape: Any) -> Any:
    return TensorShape(shape) if type(shape) is tuple and all(type(d) is int for d in shape) else shape


def _no_numbers(self: Any) -> Any:
    raise AttributeError(
        "A tensor of a program that is being traced (inside tf.function, fit, or a layer's symbolic call) has no numbers yet, "
        "so it has no numpy(). Use tf.* or keras.ops functions on it; tf.print or jax.debug.print show its values; "
        "compile(run_eagerly=True) and tf.config.run_functions_eagerly(True) run without compiling."
    )


def tensor_str(array: np.ndarray) -> str:
    """How ``print`` shows a tensor."""
    text = str(array[()]) if array.ndim == 0 else str(array)
    return f"tf.Tensor({_own_lines(text)}, shape={tuple(array.shape)}, dtype={array.dtype.name})"


def tensor_repr(array: np.ndarray) -> str:
    """How the prompt shows a tensor."""
    return f"<tf.Tensor: shape={tuple(array.shape)}, dtype={array.dtype.name}, numpy={numpy_repr(array)}>"


def numpy_repr(array: np.ndarray) -> str:
    """The numbers as the prompt shows them."""
    return repr(array.item()) if array.ndim == 0 else _own_lines(repr(array))


def _own_lines(text: str) -> str:
    return "\n" + text if "\n" in text else text


def array_of(x: Any, dtype: Any = None) -> Any:
    """`x` as an array: variables give their value; numbers and nested lists become arrays; symbolic tensors stay."""
    if not _before:
        install()
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, KerasTensor):
        return x
    if dtype is not None:
        return _checked(x, dtype_name(dtype))
    if isinstance(x, jax.Array):
        return x
    if isinstance(x, (list, tuple)) and any(
        isinstance(leaf, (jax.Array, Variable)) for leaf in jax.tree.leaves(list(x))
    ):
        return jnp.stack([array_of(item) for item in x])
    array = np.asarray(x)
    if array.dtype.kind in "OUS":
        return array  # text stays with NumPy
    narrow = {"float64": None, "int64": "int32", "uint64": "uint32", "complex128": "complex64"}
    if array.dtype.name in narrow and not jax.config.read("jax_enable_x64"):
        from ...core.settings import floatx

        name = floatx() if array.dtype.name == "float64" else narrow[array.dtype.name]
        return _checked(array, name)
    return jnp.asarray(array)


def _checked(x: Any, name: str | None) -> Any:
    """`x` in a dtype that holds it: integers that do not fit are refused rather than wrapped."""
    if name == "string":
        return np.asarray(x, object)
    if isinstance(x, (list, tuple)) and any(
        isinstance(leaf, (jax.Array, Variable)) for leaf in jax.tree.leaves(list(x))
    ):
        return jnp.stack([array_of(item, name) for item in x])
    if not isinstance(x, jax.Array):
        x = np.asarray(x)
        if x.dtype.kind in "iu" and name is not None and np.dtype(jnp.dtype(name)).kind in "iu" and x.size:
            limits = jnp.iinfo(name)
            if x.min() < limits.min or x.max() > limits.max:
                raise OverflowError(
                    f"An integer from {x.min()} to {x.max()} does not fit into {name}; 64-bit integers are computed in 32 bits."
                )
    return jnp.asarray(x, name)


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Any:
    """`value` as a tensor."""
    return array_of(value, dtype)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor, a variable or a symbolic tensor."""
    return isinstance(x, (jax.Array, ShapeTensor, Variable, KerasTensor))
