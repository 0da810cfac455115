"""Initialisers without chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from .base import Initializer, numpy_dtype, sizes

__all__ = ["STFT", "Constant", "Identity", "Ones", "Zeros"]


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Zeros of `shape`."""
        return np.zeros(sizes(shape), numpy_dtype(dtype))


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Ones of `shape`."""
        return np.ones(sizes(shape), numpy_dtype(dtype))


class Constant(Initializer):
    """The same number everywhere.

    Args:
        value: the number, or an array that broadcasts to the shape.
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """`value` in `shape`."""
        try:
            return np.array(np.broadcast_to(np.asarray(self.value, numpy_dtype(dtype)), shape))
        except ValueError:
            raise ShapeError(
                f"Constant's value has shape {np.shape(self.value)}, which does not broadcast to {shape}."
            ) from None


class Identity(Initializer):
    """The identity matrix, times `gain`; only for matrices.

    Args:
        gain: what stands on the diagonal.
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """The identity of `shape`, (rows, columns)."""
        shape = sizes(shape)
        if len(shape) != 2:
            raise ShapeError(f"Identity initialises matrices. Received: shape={tuple(shape)}")
        return (self.gain * np.eye(shape[0], shape[1])).astype(numpy_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal object; the usual gain of 1 goes without saying, as in Keras's files."""
        return {} if self.gain == 1 else super().get_config()


class STFT(Initializer):
    """The kernel of a short-time Fourier transform, for a convolution over time.

    Args:
        side: ``"real"`` or ``"imag"``.
        window: a window's name from `scipy.signal`, an array of the frame's length, or None.
        scaling: ``"density"``, ``"spectrum"`` or None.
        periodic: whether the window is periodic.
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ):
        if side not in ("real", "imag"):
            raise ArgumentError(f"side must be 'real' or 'imag'. Received: side={side!r}")
        if scaling not in ("density", "spectrum", None):
            raise ArgumentError(f"scaling must be 'density', 'spectrum' or None. Received: scaling={scaling!r}")
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """The kernel of `shape`, (frame_length, 1, fft_length // 2 + 1)."""
        frame_length, one, channels = shape
        if one != 1:
            raise ShapeError(f"STFT kernels have one input channel. Received: shape={tuple(shape)}")
        fft_length = (channels - 1) * 2
        angle = 2 * np.pi * np.arange(frame_length)[:, None] * np.arange(channels)[None, :] / fft_length
        kernel = np.cos(angle) if self.side == "real" else -np.sin(angle)
        if self.window is not None:
            window = self._window(frame_length)
            kernel = kernel * window[:, None]
            if self.scaling == "density":
                kernel /= np.sqrt(np.sum(window**2))
            elif self.scaling == "spectrum":
                kernel /= np.abs(np.sum(window))
        return kernel[:, None, :].astype(numpy_dtype(dtype))

    def _window(self, length: int) -> np.ndarray:
        if not isinstance(self.window, str):
            return np.asarray(self.window, float)
        steps = length if self.periodic else length - 1
        cosine = np.cos(2 * np.pi * np.arange(length) / steps)
        shapes = {"hann": 0.5 - 0.5 * cosine, "hamming": 0.54 - 0.46 * cosine}
        if self.window in shapes:
            return shapes[self.window]
        from scipy.signal import get_window  # jax depends on SciPy

        return np.asarray(get_window(self.window, length, fftbins=self.periodic))
