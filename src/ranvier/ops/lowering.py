"""Which algorithm computes a convolution, and why: one pure function of what is known when a program is traced."""

from __future__ import annotations

from typing import Any

import jax
from jax import export

__all__ = ["choose_convolution", "choose_transposed", "platform_for"]


def platform_for(shape: tuple[Any, ...]) -> str:
    """Where a program on arrays of this shape will run; ``"any"`` while sizes are symbolic, when only shapes are asked."""
    return "any" if any(map(export.is_symbolic_dim, shape)) else jax.default_backend()


def choose_convolution(
    platform: str, dtype: str, taps: int, channels: int, groups: int, multiplier: int, kernels: bool = False
) -> str:
    """``"lax"``, ``"product"``, ``"kernels"``, ``"patches"``, ``"groups"`` or ``"shifts"``.

    Args:
        platform: where the program will run: ``"cpu"``, ``"gpu"``, ``"tpu"``.
        dtype: the dtype of the numbers.
        taps: the number of places in the window.
        channels: input channels.
        groups: groups of channels.
        multiplier: output channels for each input channel of a depthwise convolution, else 0.
        kernels: whether compiled kernels are there and made for this case.

    On accelerators XLA's convolution is the best there is. On CPUs it is slow inside compiled loops (a small CNN's
    epoch took 28 s by it and under 2 s by patches), and slow for single taps and depthwise windows everywhere.
    """
    if platform != "cpu" or not _is_floating(dtype):
        return "lax"
    if taps == 1 and groups == 1:
        return "product"
    if kernels:
        return "kernels"
    if groups == 1:
        return "patches"
    if groups == channels and multiplier:
        return "shifts"
    return "groups"


def choose_transposed(platform: str, dtype: str) -> str:
    """``"lax"`` or ``"scatter"``, for the transpose of a convolution on `platform`, for the same reasons."""
    return "scatter" if platform == "cpu" and _is_floating(dtype) else "lax"


def _is_floating(dtype: str) -> bool:
    """Whether the numbers are fractions: whole ones have no fast products on CPUs, and gain nothing from patches."""
    return "float" in dtype
