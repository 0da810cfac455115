"""`keras.backend`: process-wide settings and what old code asks of a backend."""

from __future__ import annotations

from typing import Any

from .core import names
from .core.dtypes import is_float, result_dtype, standardize_dtype
from .core.settings import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from .core.variables import Variable
from .initializers import Initializer as _Initializer  # noqa: F401  variables know initialisers by their names
from .ops.symbolic import KerasTensor

__all__ = [
    "KerasTensor", "Variable", "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon", "set_floatx", "set_image_data_format",
    "standardize_dtype",
]  # fmt: skip

result_type, is_float_dtype = result_dtype, is_float


def is_int_dtype(dtype: Any) -> bool:
    """Whether the dtype is a signed or unsigned integer one."""
    return standardize_dtype(dtype).lstrip("u").startswith("int")


def backend() -> str:
    """``"jax"``: the only engine."""
    return "jax"


def clear_session(free_memory: bool = True) -> None:
    """Start counting automatic names from the beginning again."""
    names.clear_names()


def get_uid(prefix: str = "") -> int:
    """How often `prefix` has been asked for, this time included."""
    return names.count_name(prefix)


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, KerasTensor)
