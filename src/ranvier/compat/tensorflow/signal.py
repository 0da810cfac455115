"""``tf.signal``: Fourier transforms, frames and windows."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...ops.symbolic import op
from .declaring import unary
from .dtypes import dtype_name
from .shapes import static_shape
from .tensors import array_of

__all__ = [
    "fft", "fft2d", "fft3d", "fftshift", "frame", "hamming_window", "hann_window", "ifft", "ifft2d", "ifft3d",
    "ifftshift", "irfft", "irfft2d", "rfft", "rfft2d", "stft",
]  # fmt: skip

fft = unary("fft", jnp.fft.fft, "The Fourier transform along the last axis.")
ifft = unary("ifft", jnp.fft.ifft, "The inverse of `fft`.")
fft2d = unary("fft2d", jnp.fft.fft2, "The Fourier transform along the last two axes.")
ifft2d = unary("ifft2d", jnp.fft.ifft2, "The inverse of `fft2d`.")
fft3d = unary("fft3d", lambda x: jnp.fft.fftn(x, axes=(-3, -2, -1)), "The Fourier transform along the last three axes.")
ifft3d = unary("ifft3d", lambda x: jnp.fft.ifftn(x, axes=(-3, -2, -1)), "The inverse of `fft3d`.")


def _length(fft_length: Any) -> Any:
    return None if fft_length is None else static_shape(fft_length)


@op
def rfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """The Fourier transform of real numbers along the last axis."""
    return jnp.fft.rfft(array_of(input_tensor), None if fft_length is None else _length(fft_length)[0])


@op
def irfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """The inverse of `rfft`."""
    return jnp.fft.irfft(array_of(input_tensor), None if fft_length is None else _length(fft_length)[0])


@op
def rfft2d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """The Fourier transform of real numbers along the last two axes."""
    return jnp.fft.rfft2(array_of(input_tensor), _length(fft_length))


@op
def irfft2d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """The inverse of `rfft2d`."""
    return jnp.fft.irfft2(array_of(input_tensor), _length(fft_length))


@op
def fftshift(x: Any, axes: Any = None, name: str | None = None) -> Any:
    """Frequency 0 in the middle."""
    return jnp.fft.fftshift(array_of(x), axes)


@op
def ifftshift(x: Any, axes: Any = None, name: str | None = None) -> Any:
    """The inverse of `fftshift`."""
    return jnp.fft.ifftshift(array_of(x), axes)


def hann_window(window_length: Any, periodic: bool = True, dtype: Any = "float32", name: str | None = None) -> Any:
    """A raised cosine."""
    return _cosine(int(window_length), periodic, 0.5, 0.5).astype(dtype_name(dtype))


def hamming_window(window_length: Any, periodic: bool = True, dtype: Any = "float32", name: str | None = None) -> Any:
    """A raised cosine that does not end at 0."""
    return _cosine(int(window_length), periodic, 0.54, 0.46).astype(dtype_name(dtype))


def _cosine(length: int, periodic: bool, a: float, b: float) -> Any:
    if length == 1:
        return jnp.ones(1)
    steps = length + (periodic and length % 2 == 0) - 1
    return a - b * jnp.cos(2 * jnp.pi * jnp.arange(length) / steps)


@op
def frame(
    signal: Any,
    frame_length: int,
    frame_step: int,
    pad_end: bool = False,
    pad_value: float = 0,
    axis: int = -1,
    name: str | None = None,
) -> Any:
    """Overlapping parts of a signal, (…, frames, frame_length)."""
    x = jnp.moveaxis(array_of(signal), axis, -1)
    samples = x.shape[-1]
    frames = -(-samples // frame_step) if pad_end else max(0, 1 + (samples - frame_length) // frame_step)
    needed = max(0, (frames - 1) * frame_step + frame_length - samples) if frames else 0
    x = jnp.pad(x, [*((0, 0),) * (x.ndim - 1), (0, needed)], constant_values=pad_value)
    index = jnp.arange(frames)[:, None] * frame_step + jnp.arange(frame_length)
    found = x[..., index]
    return found if axis in (-1, found.ndim - 2) else jnp.moveaxis(found, (-2, -1), (axis % x.ndim, axis % x.ndim + 1))


@op
def stft(
    signals: Any,
    frame_length: int,
    frame_step: int,
    fft_length: int | None = None,
    window_fn: Any = hann_window,
    pad_end: bool = False,
    name: str | None = None,
) -> Any:
    """The Fourier transforms of overlapping parts of signals."""
    if fft_length is None:
        fft_length = 1 << max(int(frame_length) - 1, 0).bit_length()
    frames = frame(signals, frame_length, frame_step, pad_end)
    if window_fn is not None:
        frames = frames * window_fn(frame_length, dtype=frames.dtype)
    return jnp.fft.rfft(frames, fft_length)


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("signal", name, __all__))
