"""Prediction by networks of dense layers from NumPy arrays to NumPy arrays, without a detour through XLA."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import library

__all__ = ["DensePredictor"]

_lent: Any = ctypes.c_char.from_buffer
_THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _functions() -> Any:
    found, whole, pointer = library(), ctypes.c_int64, ctypes.c_void_p
    found.ranvier_dense_open.restype = pointer
    found.ranvier_dense_open.argtypes = [pointer, whole, pointer, whole, pointer, pointer, whole]
    found.ranvier_dense_run.argtypes = [pointer, whole, whole, pointer, ctypes.c_int, pointer]
    found.ranvier_dense_close.argtypes = [pointer]
    found.ranvier_dense_close.restype = None
    return found


class DensePredictor:
    """A network with copies of its weights; may be called from several threads at a time.

    Args:
        plan: the network as `ReadLayers` in src/dense_plan.h reads it, after: whether its outputs go through a softmax,
            the numbers of layers, of parameters, and of moving values. (n,) int64.
        numbers: the inputs' scale and offset, then three for each operation, (n,) float32.
        values: parameters (kernels, (in, out), biases, and what normalisations multiply by and add), then the moving means
            and variances; float32.

    Raises:
        ValueError: the values do not fit the plan.
    """

    def __init__(self, plan: np.ndarray, numbers: np.ndarray, values: Sequence[np.ndarray]):
        functions = _functions()
        held = [np.ascontiguousarray(v, np.float32) for v in values]
        plan, numbers = np.ascontiguousarray(plan, np.int64), np.ascontiguousarray(numbers, np.float32)
        pointers = np.array([v.ctypes.data for v in held], np.uintp)
        sizes = np.array([v.size for v in held], np.int64)
        network = functions.ranvier_dense_open(
            plan.ctypes.data, plan.size, numbers.ctypes.data, numbers.size, pointers.ctypes.data, sizes.ctypes.data,
            len(held),
        )  # fmt: skip
        if not network:
            raise ValueError("ranvier: the weights of a dense network do not fit its plan, or memory")
        self._network = ctypes.c_void_p(network)
        self._run = functions.ranvier_dense_run
        weakref.finalize(self, functions.ranvier_dense_close, self._network)

    def __call__(self, x: np.ndarray, y: np.ndarray, threads: int = _THREADS) -> bool:
        """Fill `y` with the outputs for `x`; False if an input is not finite.

        Args:
            x: inputs, (rows, …), float32 or uint8, in one piece in C's order, as many in a row as the network takes.
            y: room for the outputs, (rows, width), float32, in one piece.
            threads: at most so many work; few rows are computed by the caller alone.
        """
        # Lending the memory of an array takes a fifth of the time of asking for its address, but needs one to be changed.
        at = ctypes.byref(_lent(x)) if x.flags.writeable else x.ctypes.data
        done = self._run(self._network, threads, len(x), at, x.itemsize == 1, ctypes.byref(_lent(y)))
        if done < 0:
            raise MemoryError("ranvier: no memory or no threads for a prediction")
        return done == 1
