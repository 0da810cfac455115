"""Sounds: WAV files as arrays, and at another sampling rate."""

from __future__ import annotations

import math
import wave

import numpy as np

from ..core.errors import DataError

__all__ = ["batch_sounds", "read_sound", "resample"]

_CROSSINGS = 16  # of the sinc on each side


def read_sound(path: str, sampling_rate: int | None = None, length: int | None = None) -> np.ndarray:
    """The samples of a WAV file of whole numbers (PCM), float32 −1 to 1, (samples, channels).

    Args:
        path: the file.
        sampling_rate: samples a second to bring it to; None: its own.
        length: samples to cut or fill it up to; None: as it is.

    Raises:
        DataError: another kind of file.
    """
    try:
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise DataError(f"The sound {path!r} cannot be read: {error}. Only WAV files of whole numbers are.") from error
    if width not in (1, 2, 3, 4) or rate < 1 or len(content) % (width * channels):
        raise DataError(f"The sound {path!r} is damaged: {len(content)} bytes, {width} a sample, {channels} channels.")
    sound = _samples(content, width).reshape(-1, channels)
    if sampling_rate is not None and sampling_rate != rate:
        sound = resample(sound, rate, sampling_rate)
    if length is not None:
        sound = np.pad(sound[:length], ((0, max(length - len(sound), 0)), (0, 0)))
    return sound


def _samples(content: bytes, width: int) -> np.ndarray:
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:  # put below a zero byte, three bytes are the upper part of four
        wide = np.zeros((len(content) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float32) / 2**31
    return np.frombuffer(content, f"<i{width}").astype(np.float32) / np.float32(2 ** (8 * width - 1))


def resample(sound: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    r"""The sound with `new_rate` samples a second instead of `rate`: a low-pass filter, read off at the new times.

    :math:`y(t) = \sum_n x_n \, s \, \mathrm{sinc}(s (t - n)) \, w(t - n)` with :math:`s = \min(1, \text{new} / \text{old})`,
    so that nothing is mirrored at the new limit, and a Hann window :math:`w` of 16 zero crossings on each side
    (J. O. Smith, Digital Audio Resampling).

    Args:
        sound: (samples, channels).
        rate: samples a second.
        new_rate: samples a second wanted.
    """
    scale = min(1.0, new_rate / rate)
    reach = math.ceil(_CROSSINGS / scale)
    count = math.ceil(len(sound) * new_rate / rate)
    padded = np.pad(sound, ((reach, reach + 1), (0, 0)))
    out = np.empty((count, sound.shape[1]), np.float32)
    near = np.arange(-reach + 1, reach + 1)
    for start in range(0, count, 4096):  # the weights of all would need much memory
        time = np.arange(start, min(start + 4096, count)) * (rate / new_rate)
        whole = np.floor(time).astype(np.int64)
        distance = (time - whole)[:, None] - near
        window = np.where(np.abs(distance) < reach, np.cos(np.pi / 2 * distance / reach) ** 2, 0)
        weight = (scale * np.sinc(scale * distance) * window).astype(np.float32)
        out[start : start + len(time)] = np.einsum("tk,tkc->tc", weight, padded[whole[:, None] + near + reach])
    return out


def batch_sounds(sounds: list[np.ndarray], ragged: bool = False) -> np.ndarray:
    """Sounds filled up with silence to the longest, (batch, samples, channels); ragged: an array of arrays.

    Raises:
        DataError: different numbers of channels.
    """
    channels = {sound.shape[1] for sound in sounds}
    if len(channels) > 1:
        raise DataError(f"All sounds of a batch must have the same number of channels. Received: {sorted(channels)}")
    if ragged:
        out = np.empty(len(sounds), object)
        out[:] = sounds
        return out
    longest = max(map(len, sounds))
    return np.stack([np.pad(sound, ((0, longest - len(sound)), (0, 0))) for sound in sounds])
