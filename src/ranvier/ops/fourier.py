"""Fourier transforms, whole and short-time; complex numbers travel as pairs (real part, imaginary part)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.budgets import check_table
from ..core.errors import ArgumentError, ShapeError
from .symbolic import op
from .tensors import as_float

__all__ = ["extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]


def _complex(x: Any) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ArgumentError("x must be a pair (real part, imaginary part) of tensors.")
    real, imaginary = (as_float(part) for part in x)
    if real.shape != imaginary.shape:
        raise ShapeError(f"real and imaginary part must have one shape. Received: {real.shape} and {imaginary.shape}")
    return jax.lax.complex(real, imaginary)


def _pair(z: Any) -> tuple[Any, Any]:
    return z.real, z.imag


@op
def fft(x: Any) -> Any:
    """The discrete Fourier transform along the last axis of a pair (real, imaginary)."""
    return _pair(jnp.fft.fft(_complex(x)))


@op
def fft2(x: Any) -> Any:
    """The discrete Fourier transform along the last two axes of a pair (real, imaginary)."""
    return _pair(jnp.fft.fft2(_complex(x)))


@op
def ifft2(x: Any) -> Any:
    """The inverse of `fft2`."""
    return _pair(jnp.fft.ifft2(_complex(x)))


@op
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """The transform of real numbers along the last axis, its first half, as a pair (real, imaginary).

    Args:
        x: (…, n).
        fft_length: cut x, or fill it with zeros, to this length; None: n.

    Returns:
        Two tensors of shape (…, fft_length // 2 + 1).
    """
    return _pair(jnp.fft.rfft(as_float(x), n=fft_length))


@op
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The real numbers whose `rfft` is the pair `x`.

    Args:
        x: a pair (real, imaginary) of shape (…, m).
        fft_length: the length of the result; None: 2 (m − 1).
    """
    return jnp.fft.irfft(_complex(x), n=fft_length)


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Stretches of the last axis, each `sequence_stride` further: (…, n) → (…, stretches, sequence_length)."""
    x = as_float(x)
    fits = sequence_length >= 1 and sequence_stride >= 1
    count = 1 + (x.shape[-1] - sequence_length) // sequence_stride if fits else 0
    if count < 1:
        raise ShapeError(
            f"no stretch of sequence_length={sequence_length}, sequence_stride={sequence_stride} apart, fits into the "
            f"last axis of shape {x.shape}."
        )
    places = np.arange(count)[:, None] * sequence_stride + np.arange(sequence_length)[None, :]
    return x[..., places]


def _window(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> Any:
    """The window, in the middle of `fft_length` zeros; ones all over for None."""
    if not 0 < sequence_length <= fft_length:
        raise ArgumentError(
            f"sequence_length must lie between 1 and fft_length={fft_length}. Received: {sequence_length}"
        )
    check_table((fft_length,), "A window")
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ArgumentError(f"window must be 'hann', 'hamming', a tensor or None. Received: window={window!r}")
        share = 0.5 if window == "hann" else 0.54
        turn = 2 * np.pi * np.arange(sequence_length) / sequence_length  # periodic, as spectra need it
        values = jnp.asarray(share - (1 - share) * np.cos(turn), dtype)
    else:
        values = as_float(window).astype(dtype)
        if values.shape != (sequence_length,):
            raise ShapeError(f"window must have shape ({sequence_length},). Received: {values.shape}")
    before = (fft_length - sequence_length) // 2
    return jnp.pad(values, (before, fft_length - sequence_length - before))


@op
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> Any:
    """The spectra of short, overlapping, windowed stretches of a signal.

    Args:
        x: (…, time).
        sequence_length: the length of the window.
        sequence_stride: how far each stretch lies from the one before.
        fft_length: the length of the transform, at least `sequence_length`.
        window: ``"hann"``, ``"hamming"``, a tensor of shape (sequence_length,), or None.
        center: whether x is continued by its mirror image on both sides, so that stretch t is centred at t · stride.

    Returns:
        A pair (real, imaginary) of shape (…, stretches, fft_length // 2 + 1).
    """
    x = as_float(x)
    bell = _window(window, sequence_length, fft_length, x.dtype)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return _pair(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * bell))


@op
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The signal whose `stft` is the pair `x`: windowed stretches added up, over the sum of the squared windows.

    Args:
        x: a pair (real, imaginary) of shape (…, stretches, fft_length // 2 + 1).
        sequence_length: see `stft`, and likewise the others.
        sequence_stride: see `stft`.
        fft_length: see `stft`.
        length: the length of the result; None: as far as the stretches reach.
        window: see `stft`.
        center: see `stft`.

    Returns:
        (…, time).
    """
    if sequence_stride < 1:
        raise ShapeError(f"istft: sequence_stride must be at least 1. Received: sequence_stride={sequence_stride}")
    stretches = irfft(x, fft_length)
    bell = _window(window, sequence_length, fft_length, stretches.dtype)
    count = stretches.shape[-2]
    total = fft_length + sequence_stride * (count - 1)

    def added(parts: Any) -> Any:
        # Adding stretches up is the transpose of cutting them out.
        signal = jax.ShapeDtypeStruct((*parts.shape[:-2], total), parts.dtype)
        return jax.linear_transpose(lambda v: extract_sequences(v, fft_length, sequence_stride), signal)(parts)[0]

    weight = added(jnp.broadcast_to(bell * bell, (count, fft_length)))
    signal = added(stretches * bell) / jnp.where(weight > 1e-10, weight, 1)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else total - start
    return signal[..., start:end]
