"""`keras.config`: process-wide settings."""

from __future__ import annotations

import warnings

from .backend import backend
from .core.dtypes import dtype_policy, set_dtype_policy
from .core.errors import ArgumentError, RanvierWarning
from .core.settings import (
    disable_flash_attention,
    enable_flash_attention,
    epsilon,
    floatx,
    image_data_format,
    is_flash_attention_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    set_max_epochs,
    set_max_steps_per_epoch,
)
from .core.tracebacks import disable_traceback_filtering, enable_traceback_filtering, is_traceback_filtering_enabled
from .tools.interactive import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled

__all__ = [
    "backend", "disable_flash_attention", "disable_interactive_logging", "disable_traceback_filtering", "dtype_policy",
    "enable_flash_attention", "enable_interactive_logging", "enable_traceback_filtering",
    "enable_unsafe_deserialization", "epsilon", "floatx", "image_data_format", "is_flash_attention_enabled",
    "is_interactive_logging_enabled", "is_nnx_enabled", "is_traceback_filtering_enabled", "max_epochs",
    "max_steps_per_epoch", "set_backend", "set_dtype_policy", "set_epsilon", "set_floatx", "set_image_data_format",
    "set_max_epochs", "set_max_steps_per_epoch",
]  # fmt: skip


def enable_unsafe_deserialization() -> None:
    """Accepted, with a warning, and without effect: code in files is never run.

    A layer that was saved with a Python function is loaded by giving the function in `custom_objects`, or by
    registering it with `register_keras_serializable`.
    """
    warnings.warn(
        "enable_unsafe_deserialization has no effect: code in files is never run. Give the functions that a file names "
        "in custom_objects.",
        RanvierWarning,
        stacklevel=2,
    )


def is_nnx_enabled() -> bool:
    """False: variables are ranvier's own."""
    return False


def set_backend(backend: str) -> None:
    """Accept ``"jax"``, the only engine.

    Raises:
        ArgumentError: another one.
    """
    if backend != "jax":
        raise ArgumentError(f"The only backend is 'jax'. Received: backend={backend!r}")
