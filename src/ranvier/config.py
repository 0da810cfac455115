"""`keras.config`: process-wide settings."""

from .backend import backend
from .core.dtypes import dtype_policy, set_dtype_policy
from .core.settings import epsilon, floatx, image_data_format, set_epsilon, set_floatx, set_image_data_format

__all__ = [
    "backend", "dtype_policy", "epsilon", "floatx", "image_data_format", "set_dtype_policy", "set_epsilon", "set_floatx",
    "set_image_data_format",
]  # fmt: skip
