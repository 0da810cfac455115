"""Process-wide settings: default float type, fuzz factor, image layout, where compiled programs are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .errors import ArgumentError

__all__ = [
    "cache_folder",
    "compute_in_callers_thread",
    "disable_flash_attention",
    "enable_flash_attention",
    "enable_float64",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "standardize_data_format",
    "use_compilation_cache",
]

_FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
_DATA_FORMATS = ("channels_last", "channels_first")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"


def floatx() -> str:
    """The default float type of weights and data, as a string such as ``"float32"``."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type: ``"bfloat16"``, ``"float16"``, ``"float32"`` or ``"float64"``."""
    global _floatx
    if value not in _FLOAT_TYPES:
        raise ArgumentError(f"floatx must be one of {', '.join(_FLOAT_TYPES)}. Received: {value!r}")
    if value == "float64":
        enable_float64()
    _floatx = value


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor; a positive float, normally 1e-7."""
    global _epsilon
    if not 0 < value < 1:
        raise ArgumentError(f"epsilon must lie between 0 and 1. Received: {value!r}")
    _epsilon = float(value)


def image_data_format() -> str:
    """``"channels_last"`` or ``"channels_first"``: where convolutions look for channels by default."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default place of the channels axis."""
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """`data_format` in lower case, or the default for None; refuses anything else."""
    if data_format is None:
        return _image_data_format
    lowered = str(data_format).lower()
    if lowered not in _DATA_FORMATS:
        raise ArgumentError(
            f"data_format must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
        )
    return lowered


def max_epochs() -> int | None:
    """The most epochs that any `fit` runs, or None."""
    return _limits["epochs"]


def set_max_epochs(max_epochs: int | None) -> None:
    """Let no `fit` run more than this many epochs, as a quick trial of a whole program; None: no limit."""
    _limits["epochs"] = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most steps in any epoch of `fit` and in any `evaluate` and `predict`, or None."""
    return _limits["steps"]


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Let no epoch of `fit`, `evaluate` or `predict` take more than this many steps; None: no limit."""
    _limits["steps"] = _limit("max_steps_per_epoch", max_steps_per_epoch)


_limits: dict[str, int | None] = {"epochs": None, "steps": None}


def _limit(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ArgumentError(f"{name} must be a positive integer or None. Received: {name}={value!r}")
    return value


_flash_attention: bool | None = None


def enable_flash_attention() -> None:
    """Let attention layers use a fused kernel that never holds all scores, where the device has one."""
    global _flash_attention
    _flash_attention = True


def disable_flash_attention() -> None:
    """Let attention layers hold all scores, also where the device has a fused kernel."""
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """True or False as set; None, the default: where the device and the arguments allow it."""
    return _flash_attention


def enable_float64() -> None:
    """Let JAX compute in 64 bits. JAX has one switch for the whole process; float32 work stays float32."""
    import jax

    if not jax.config.read("jax_enable_x64"):
        jax.config.update("jax_enable_x64", True)


def compute_in_callers_thread() -> None:
    """Let the CPU compute in the thread that asks, which waits anyway: handing over costs small programs half their time.

    It counts if JAX has made no array yet. ``JAX_CPU_ENABLE_ASYNC_DISPATCH``, JAX's own variable, decides otherwise.
    """
    import jax

    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:
        jax.config.update("jax_cpu_enable_async_dispatch", False)


def cache_folder() -> Path:
    """The per-user folder for compiled programs and downloaded data; ``RANVIER_HOME`` overrides it."""
    if home := os.environ.get("RANVIER_HOME"):
        return Path(home).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ranvier"


def use_compilation_cache() -> None:
    """Keep compiled programs between processes, so that a second start compiles nothing.

    Switched off by ``RANVIER_COMPILATION_CACHE=0``; left alone when the user has configured JAX's own cache, and where
    the folder cannot be written.
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    chosen = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue] (`read` refuses it)
    if os.environ.get("RANVIER_COMPILATION_CACHE", "1") == "0" or chosen:
        return
    folder = cache_folder() / "xla"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()  # JAX looks at these once, at its first compilation; that may be over
