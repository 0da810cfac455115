"""Sound as a picture: power in mel bands over time."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.budgets import check_table
from ...core.errors import ArgumentError
from ...ops import fourier
from ..checks import positive
from .host import DatasetLayer

__all__ = ["MelSpectrogram"]


class MelSpectrogram(DatasetLayer):
    r"""Sound as power in mel bands over time.   (…, samples) → (…, num_mel_bins, frames)

    The spectra of short windows, \|X\|^{mag_exp}, gathered into triangular bands that are evenly spaced in mel,
    :math:`m = 1127 \ln(1 + f / 700)` (O'Shaughnessy, 1987), and in decibel: 10 log₁₀.

    Args:
        fft_length: the length of the transform, in samples.
        sequence_stride: how far each window lies from the one before.
        sequence_length: the window's length; None: `fft_length`.
        window: ``"hann"``, ``"hamming"``, an array, or None.
        sampling_rate: samples a second.
        num_mel_bins: how many bands.
        min_freq, max_freq: the edges of the first and the last band in hertz; None: half the sampling rate.
        power_to_db: whether the result is in decibel.
        top_db: how far below the loudest number the others are cut off.
        mag_exp: the exponent of the magnitude: 1 for energy, 2 for power.
        min_power: powers below count as this.
        ref_power: the power of 0 decibel.

    >>> import numpy as np
    >>> MelSpectrogram(num_mel_bins=64)(np.zeros((1, 16000))).shape
    (1, 64, 32)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.fft_length = positive("MelSpectrogram", "fft_length", fft_length)
        self.sequence_stride = positive("MelSpectrogram", "sequence_stride", sequence_stride)
        self.sequence_length = positive("MelSpectrogram", "sequence_length", sequence_length or fft_length)
        if self.sequence_length > self.fft_length:
            raise ArgumentError(
                f"MelSpectrogram: fft_length must be at least sequence_length. Received: fft_length={fft_length}, "
                f"sequence_length={sequence_length}"
            )
        self.window = window
        self.sampling_rate = positive("MelSpectrogram", "sampling_rate", sampling_rate)
        self.num_mel_bins = positive("MelSpectrogram", "num_mel_bins", num_mel_bins)
        self.min_freq = min_freq
        self.max_freq = max_freq or sampling_rate // 2
        self.power_to_db = power_to_db
        self.top_db, self.mag_exp = top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def call(self, inputs: Any) -> Any:
        """The power in each band at each time."""
        x = jnp.asarray(inputs, "float64" if self.compute_dtype == "float64" else "float32")
        real, imaginary = fourier.stft(
            x, self.sequence_length, self.sequence_stride, self.fft_length, self.window, center=True
        )
        energy = real**2 + imaginary**2
        heard = energy > 0  # the root has no slope at silence
        magnitude = jnp.where(heard, jnp.sqrt(jnp.where(heard, energy, 1.0)), 0.0)
        power = magnitude**self.mag_exp  # (…, frames, frequencies)
        check_table((self.fft_length // 2 + 1, self.num_mel_bins), "MelSpectrogram: a matrix")
        bands = self.linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq, power.dtype
        )
        mel = jnp.swapaxes(power @ bands, -1, -2)
        if self.power_to_db:
            mel = 10 * jnp.log10(jnp.maximum(mel, self.min_power))
            mel = mel - 10 * np.log10(max(abs(self.ref_power), self.min_power))
            mel = jnp.maximum(mel, mel.max() - self.top_db)
        return mel.astype(self.compute_dtype)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: Any = "float32",
    ) -> Any:
        """The share of each frequency in each mel band, (num_spectrogram_bins, num_mel_bins): triangles in mel.

        Args:
            num_mel_bins: how many bands.
            num_spectrogram_bins: how many frequencies, from 0 to half the sampling rate; 0 itself is in no band.
            sampling_rate: samples a second.
            lower_edge_hertz, upper_edge_hertz: where the first band begins and the last one ends.
            dtype: of the result.
        """
        in_mel = lambda hertz: 1127.0 * np.log1p(np.asarray(hertz) / 700.0)  # noqa: E731
        frequency = in_mel(np.linspace(0.0, sampling_rate / 2, num_spectrogram_bins))[1:, None]
        edges = np.linspace(in_mel(lower_edge_hertz), in_mel(upper_edge_hertz), num_mel_bins + 2)
        low, centre, high = edges[:-2], edges[1:-1], edges[2:]
        triangles = np.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre))
        return jnp.asarray(np.pad(np.maximum(triangles, 0.0), [(1, 0), (0, 0)]), dtype)
