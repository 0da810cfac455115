"""Dtypes: ``tf.float32`` and the others, equal to NumPy's and to their names.

The engine computes in 32 bits unless `keras.config.set_floatx("float64")` says otherwise, so 64-bit dtypes stand for the
32-bit ones: numbers that do not fit are refused, and the first time that float64 is asked for a warning says so.
"""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.dtypes import standardize_dtype
from ...core.errors import RanvierWarning
from ...core.tracebacks import outside

__all__ = [
    "DType", "as_dtype", "bfloat16", "bool", "cast", "complex", "complex64", "complex128", "double", "float16",
    "float32", "float64", "half", "int8", "int16", "int32", "int64", "saturate_cast", "string", "uint8", "uint16",
    "uint32", "uint64", "variant",
]  # fmt: skip

_WIDE = {"float64": "float32", "int64": "int32", "uint64": "uint32", "complex128": "complex64"}
_told = [False]


class DType:
    """The type of a tensor's elements.

    Args:
        name: such as ``"float32"``.

    >>> from ranvier.compat import tensorflow as tf
    >>> tf.float32 == "float32", tf.float32 == np.float32, tf.int32.is_integer, tf.float32
    (True, True, True, tf.float32)
    """

    def __init__(self, name: str):
        self._name = name

    @property
    def name(self) -> str:
        """The dtype's name."""
        return self._name

    @property
    def dtype(self) -> np.dtype:
        """NumPy's dtype of that name, by which NumPy and JAX take this object where they want a dtype."""
        return np.dtype(object) if self._name == "string" else jnp.dtype(self._name)

    @property
    def as_numpy_dtype(self) -> type:
        """NumPy's type of that name."""
        return self.dtype.type

    @property
    def base_dtype(self) -> DType:
        """The dtype itself."""
        return self

    @property
    def real_dtype(self) -> DType:
        """The dtype of the real part."""
        return as_dtype({"complex64": "float32", "complex128": "float64"}.get(self._name, self._name))

    @property
    def is_floating(self) -> bool_:
        """Whether it is a real floating-point one."""
        return "float" in self._name

    @property
    def is_integer(self) -> bool_:
        """Whether it is an integer one, with or without sign."""
        return "int" in self._name

    @property
    def is_unsigned(self) -> bool_:
        """Whether it is an integer one without sign."""
        return self._name.startswith("uint")

    @property
    def is_complex(self) -> bool_:
        """Whether it is a complex one."""
        return self._name.startswith("complex")

    @property
    def is_bool(self) -> bool_:
        """Whether it is the boolean one."""
        return self._name == "bool"

    @property
    def is_numpy_compatible(self) -> bool_:
        """Whether NumPy has it."""
        return True

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def min(self) -> Any:
        """The smallest number."""
        return False if self.is_bool else (jnp.finfo if self.is_floating else jnp.iinfo)(self.dtype).min

    @property
    def max(self) -> Any:
        """The largest number."""
        return True if self.is_bool else (jnp.finfo if self.is_floating else jnp.iinfo)(self.dtype).max

    @property
    def limits(self) -> tuple[Any, Any]:
        """The smallest and largest number."""
        return self.min, self.max

    def is_compatible_with(self, other: Any) -> bool_:
        """Whether it is `other`."""
        return self == other

    def __eq__(self, other: object) -> bool_:
        if isinstance(other, DType):
            return self._name == other._name
        if other is None:
            return False
        try:
            return self._name == standardize_dtype(other)
        except (TypeError, ValueError):
            return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"tf.{self._name}"

    def __str__(self) -> str:
        return f"<dtype: '{self._name}'>"

    def __reduce__(self) -> Any:
        return as_dtype, (self._name,)


bool_ = bool  # Python's, of which the module's own name is another one below
bfloat16, float16, float32, float64 = map(DType, ("bfloat16", "float16", "float32", "float64"))
int8, int16, int32, int64 = map(DType, ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = map(DType, ("uint8", "uint16", "uint32", "uint64"))
complex64, complex128 = map(DType, ("complex64", "complex128"))
string, variant = DType("string"), DType("variant")
bool = DType("bool")
half, double = float16, float64
_all = {
    d.name: d
    for d in (
        bfloat16, float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64, complex64, complex128,
        string, bool, variant,
    )
}  # fmt: skip


def as_dtype(type_value: Any) -> DType:
    """The dtype that a name, a NumPy or Python type or another dtype means."""
    return type_value if isinstance(type_value, DType) else _all[standardize_dtype(type_value)]


def dtype_name(dtype: Any) -> str | None:
    """The name of the dtype in which a request for `dtype` is computed; None stays."""
    if dtype is None:
        return None
    name = standardize_dtype(dtype)
    if name not in _WIDE or jax.config.read("jax_enable_x64"):
        return name
    if name == "float64" and not _told[0]:
        _told[0] = True
        warnings.warn(
            "float64 is computed as float32, which is the engine's width; keras.config.set_floatx('float64') makes it 64 bits.",
            RanvierWarning,
            stacklevel=outside(),
        )
    return _WIDE[name]


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """`x` in another dtype; sizes that are known while a program is traced stay known."""
    from ...ops import cast
    from .shapes import ShapeTensor

    if isinstance(x, ShapeTensor):
        return np.asarray(x).astype(jnp.dtype(dtype_name(dtype))).view(ShapeTensor)
    return cast(x, dtype_name(dtype))


def complex(real: Any, imag: Any, name: str | None = None) -> Any:
    """Complex numbers of their parts."""
    from .tensors import array_of

    return array_of(real) + 1j * array_of(imag)


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Any:
    """`value` in another dtype, cut off at the smallest and largest number that it holds."""
    from ...ops import saturate_cast

    return saturate_cast(value, dtype_name(dtype))


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("dtypes", name, __all__))
