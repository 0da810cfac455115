"""Sound as a picture: short-time spectra by convolution, with kernels that may be trained."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.budgets import check_table
from ...core.errors import ArgumentError, ShapeError
from ...core.settings import standardize_data_format
from ...ops.conv import conv
from ..checks import positive
from ..input_spec import InputSpec
from .host import DatasetLayer

__all__ = ["STFTSpectrogram"]

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_TINY = 1e-7  # powers below count as this where a root or a logarithm is taken


class STFTSpectrogram(DatasetLayer):
    r"""Short-time spectra of signals, by convolution.   (batch, time, channels) → (batch, frames, channels · frequencies)

    The kernels are :math:`w_t \cos(2\pi k t / n)` and :math:`-w_t \sin(2\pi k t / n)` over the scale, for the window
    w and the frequencies k = 0 … n / 2; they are weights, which training may change.

    Args:
        mode: what to give of the spectrum X: ``"log"`` of the magnitude, ``"magnitude"``, ``"psd"`` (\|X\|², twice
            where a frequency stands for its negative as well), ``"real"``, ``"imag"``, ``"angle"`` in radians, or
            ``"stft"``: the real parts, then the imaginary ones.
        frame_length: the window's length in samples.
        frame_step: how far each window lies from the one before; None: half of `frame_length`.
        fft_length: n; None: `frame_length`.
        window: the name of a window of ``scipy.signal.get_window``, an array, or None.
        periodic: whether a named window is periodic, rather than symmetric.
        scaling: ``"density"``: over √Σw²; ``"spectrum"``: over \|Σw\|; None: as they are.
        padding: ``"valid"`` or ``"same"``.
        expand_dims: whether the channels have an axis of their own, beside that of the frequencies.
        data_format: where the channels are.

    >>> import numpy as np
    >>> STFTSpectrogram(frame_length=64)(np.zeros((1, 640, 1))).shape
    (1, 19, 33)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        kind = "STFTSpectrogram"
        if mode not in _MODES:
            raise ArgumentError(f"{kind}: mode must be one of {_MODES}. Received: mode={mode!r}")
        if scaling not in (None, "density", "spectrum"):
            raise ArgumentError(f"{kind}: scaling must be None, 'density' or 'spectrum'. Received: scaling={scaling!r}")
        if padding not in ("valid", "same"):
            raise ArgumentError(f"{kind}: padding must be 'valid' or 'same'. Received: padding={padding!r}")
        super().__init__(**kwargs)
        self.mode = mode
        self.frame_length = positive(kind, "frame_length", frame_length)
        if frame_step is not None and not 0 < frame_step <= frame_length:
            raise ArgumentError(
                f"{kind}: frame_step must lie between 1 and frame_length={frame_length}. Received: {frame_step}"
            )
        if fft_length is not None and fft_length < frame_length:
            raise ArgumentError(
                f"{kind}: fft_length must be at least frame_length={frame_length}. Received: {fft_length}"
            )
        self.frame_step, self.fft_length = frame_step, fft_length
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self.padding, self.expand_dims = padding, expand_dims
        self.data_format = standardize_data_format(data_format)
        check_table((self.frame_length, (fft_length or frame_length) // 2 + 1), f"{kind}: a matrix")
        self._bell = _window(window, self.frame_length, periodic)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        """Make the kernels that the mode needs, (frame_length, 1, frequencies)."""
        n = self.fft_length or self.frame_length
        turns = np.arange(self.frame_length)[:, None] * np.arange(n // 2 + 1) % n / n
        bell = (
            self._bell[:, None]
            / {
                None: 1.0,
                "density": math.sqrt(np.sum(self._bell**2)),
                "spectrum": abs(np.sum(self._bell)),
            }[self.scaling]
        )

        def kernel(wave: Any, name: str) -> Any:
            values = (bell * wave(2 * np.pi * turns))[:, None, :].astype("float32")
            return self.add_weight(values.shape, lambda shape, dtype=None: jnp.asarray(values, dtype), name=name)

        self.real_kernel = kernel(np.cos, "real_kernel") if self.mode != "imag" else None
        self.imag_kernel = kernel(lambda a: -np.sin(a), "imag_kernel") if self.mode != "real" else None

    def call(self, inputs: Any) -> Any:
        """The spectra in the mode of the layer."""
        x = jnp.asarray(inputs, self.compute_dtype)
        first = self.data_format == "channels_first"
        x = x if first else jnp.swapaxes(x, 1, 2)  # (batch, channels, time)
        batch, channels, time = x.shape
        step = self.frame_step or self.frame_length // 2
        kernels = [k.value for k in (self.real_kernel, self.imag_kernel) if k is not None]
        if self.padding == "valid" and time < self.frame_length:
            raise ShapeError(
                f"Layer '{self.name}': sounds must be at least frame_length={self.frame_length} long. Received: shape "
                f"{inputs.shape}"
            )
        parts = conv(
            x.reshape(batch * channels, time, 1), jnp.concatenate(kernels, -1), step, self.padding, "channels_last"
        )
        y = self._of(jnp.split(parts, len(kernels), -1))  # (batch · channels, frames, numbers)
        y = y.reshape(batch, channels, *y.shape[1:])
        if self.expand_dims:
            return y if first else jnp.moveaxis(y, 1, -1)
        y = jnp.swapaxes(y, 1, 2).reshape(batch, y.shape[2], -1)  # (batch, frames, channels · numbers)
        return jnp.swapaxes(y, 1, 2) if first else y

    def _of(self, parts: list[Any]) -> Any:
        if self.mode in ("real", "imag"):
            return parts[0]
        real, imaginary = parts
        if self.mode == "stft":
            return jnp.concatenate(parts, -1)
        if self.mode == "angle":
            return jnp.arctan2(imaginary, real)
        power = real**2 + imaginary**2
        if self.mode == "psd":
            # The negative frequencies, which are left out, have the same power.
            return power + jnp.pad(power[..., 1:-1], [(0, 0), (0, 0), (1, 1)])
        magnitude = jnp.sqrt(jnp.maximum(power, _TINY))
        return jnp.log(magnitude) if self.mode == "log" else magnitude


def _window(window: Any, length: int, periodic: bool) -> np.ndarray:
    if window is None:
        return np.ones(length)
    if not isinstance(window, (str, tuple)):
        values = np.asarray(window, "float64")
        if values.shape != (length,):
            raise ArgumentError(
                f"STFTSpectrogram: the window must have frame_length={length} numbers. Received: shape {values.shape}"
            )
        return values
    from scipy import signal

    try:
        return np.asarray(signal.get_window(window, length, fftbins=periodic))
    except ValueError as error:
        raise ArgumentError(f"STFTSpectrogram: there is no window {window!r}: {error}") from None
