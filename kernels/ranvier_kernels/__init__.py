"""Compiled kernels for ranvier on CPUs, as custom calls of XLA.

Networks of dense layers, products of many rows, convolutions, recurrent sequences, attention, normalisation and max
pooling, for float32.
ranvier uses this package when it is installed, and needs nothing of it: `register` makes the kernels known to JAX.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

__version__ = "0.1.0"
__all__ = ["TARGETS", "instruction_set", "library", "register"]

TARGETS = (
    "ranvier_attend", "ranvier_attend_gradient", "ranvier_batch_gradient", "ranvier_convolve", "ranvier_gru",
    "ranvier_gru_gradient", "ranvier_input_gradient", "ranvier_kernel_gradient", "ranvier_lstm",
    "ranvier_lstm_gradient", "ranvier_moments", "ranvier_multiply", "ranvier_multiply_input_gradient",
    "ranvier_multiply_kernel_gradient", "ranvier_normalize", "ranvier_normalize_gradient", "ranvier_pool",
    "ranvier_pool_gradient", "ranvier_predict_dense", "ranvier_train_dense", "ranvier_winograd",
    "ranvier_winograd_input_gradient", "ranvier_winograd_kernel_gradient",
)  # fmt: skip
_FOLDER = Path(__file__).parent


def instruction_set() -> str:
    """The best library that this machine can run: ``"avx512"``, ``"avx2"`` or ``"basic"`` (SSE2 or NEON).

    The environment variable ``RANVIER_KERNELS_ISA`` asks for another, which must be one that the machine can run.
    """
    basic = ctypes.CDLL(str(_FOLDER / "libranvier_basic.so"))
    basic.ranvier_best.restype = ctypes.c_char_p
    best = basic.ranvier_best().decode()
    order = ("basic", "avx2", "avx512")
    asked = os.environ.get("RANVIER_KERNELS_ISA", best)
    if asked not in order[: order.index(best) + 1]:
        raise ValueError(
            f"RANVIER_KERNELS_ISA must be one of {', '.join(order[: order.index(best) + 1])} on this machine. "
            f"Received: {asked!r}"
        )
    return asked


@functools.cache
def library() -> ctypes.CDLL:
    """The library for this machine."""
    return ctypes.CDLL(str(_FOLDER / f"libranvier_{instruction_set()}.so"))


def register() -> str:
    """Make the kernels known to JAX; returns the instruction set they use."""
    import jax

    for target in TARGETS:
        jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(getattr(library(), target)), platform="cpu")
    return instruction_set()
