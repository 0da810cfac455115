"""Images as the ImageNet models were trained on them, and the names of their thousand classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import settings
from ..core.errors import ArgumentError, DataError, ShapeError
from ..ops.numpy import stack
from ..tools.downloads import get_file
from .pretrained import CLASS_INDEX

__all__ = ["decode_predictions", "preprocess_input", "preprocessing"]

_MODES = ("caffe", "tf", "torch")
_BGR_MEAN = (103.939, 116.779, 123.68)  # of ImageNet's pixels, 0 to 255
_RGB_MEAN = (0.485, 0.456, 0.406)  # 0 to 1
_RGB_DEVIATION = (0.229, 0.224, 0.225)

_class_names: dict[int, tuple[str, str]] = {}


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels from 0 to 255, as the pretrained models want them; `x` itself stays as it is.

    Args:
        x: images (…, height, width, 3), an array or a symbolic tensor; integers become floats.
        data_format: "channels_last" or "channels_first"; None: `image_data_format()`.
        mode: "tf" maps to −1 … 1; "torch" to 0 … 1 and then subtracts the mean and divides by the deviation of each
            channel; "caffe" turns RGB into BGR and subtracts each channel's mean.

    Raises:
        ArgumentError: another mode or data format.
        ShapeError: images of other than 3 channels, where channels matter.

    >>> preprocess_input(np.array([[[0.0, 127.5, 255.0]]]), mode="tf").tolist()
    [[[-1.0, 0.0, 1.0]]]
    """
    if mode not in _MODES:
        raise ArgumentError(f"mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}")
    axis = -1 if settings.standardize_data_format(data_format) == "channels_last" else -3
    if not hasattr(x, "dtype"):
        x = np.asarray(x)
    if "float" not in str(x.dtype):
        x = x.astype(settings.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    if len(x.shape) < 3 or x.shape[axis] != 3:
        raise ShapeError(f"mode={mode!r} takes images with 3 channels on axis {axis}. Received: shape {tuple(x.shape)}")
    if mode == "torch":
        x = x / 255.0
        statistics = zip(_RGB_MEAN, _RGB_DEVIATION, strict=True)
        channels = [(_channel(x, axis, i) - mean) / deviation for i, (mean, deviation) in enumerate(statistics)]
    else:
        channels = [_channel(x, axis, 2 - i) - m for i, m in enumerate(_BGR_MEAN)]
    return np.stack(channels, axis) if isinstance(x, np.ndarray) else stack(channels, axis)


def _channel(x: Any, axis: int, channel: int) -> Any:
    """One channel of the images."""
    return x[..., channel] if axis == -1 else x[..., channel, :, :]


def preprocessing(mode: str | None, model: str) -> Callable[..., Any]:
    """`preprocess_input` for one family of models; None: their first layer does it, and pixels stay as they are."""

    def preprocess(x: Any, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    what = "the images themselves: the models' first layers scale pixels" if mode is None else f'mode "{mode}"'
    preprocess.__doc__ = f"""Pixels from 0 to 255 as {model} wants them: {what}.

    Args:
        x: images (…, height, width, 3), an array or a symbolic tensor.
        data_format: "channels_last" or "channels_first"; None: `image_data_format()`.
    """
    return preprocess


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The likeliest ImageNet classes of each image.

    The names come from a file of 35 kB, downloaded once into the user's cache.

    Args:
        preds: the models' predictions (images, 1000).
        top: how many classes.

    Returns:
        For each image a list of (WordNet id, name, prediction), the likeliest first.

    Raises:
        ShapeError: predictions of another shape.
        DownloadError: the names are neither in the cache nor to be had.
    """
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ShapeError(f"preds must have shape (images, 1000). Received: shape {preds.shape}")
    if not _class_names:
        origin, digest = CLASS_INDEX
        with open(get_file(origin.rpartition("/")[2], origin, cache_subdir="models", file_hash=digest)) as file:
            entries = json.load(file)
        try:
            names = {i: (str(entries[str(i)][0]), str(entries[str(i)][1])) for i in range(1000)}
        except (KeyError, IndexError, TypeError) as error:
            raise DataError(f"The file of ImageNet's class names lacks a class: {error}") from error
        _class_names.update(names)
    return [[(*_class_names[int(i)], row[i]) for i in np.argsort(row)[::-1][:top]] for row in preds]
