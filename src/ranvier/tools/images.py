"""Images in files, as Pillow's images, and as arrays."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import settings
from ..core.dtypes import standardize_dtype
from ..core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, ShapeError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["array_to_img", "img_to_array", "load_img", "pillow", "save_img"]

_METHODS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_ONE_CHANNEL = ("L", "I;16", "I")  # what "grayscale" leaves as it is


def pillow() -> Any:
    """Pillow's module `Image`.

    Raises:
        MissingDependencyError: Pillow is absent.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingDependencyError("pillow", "Reading and writing images", "image") from None
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """An image from a file.

    Args:
        path: the file, or an `io.BytesIO` with its content.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width) to resize to; None: as it is.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming", Pillow's methods.
        keep_aspect_ratio: cut off evenly what does not fit the new aspect ratio, instead of distorting.

    Raises:
        ArgumentError: another `color_mode`, `interpolation` or `target_size`.
        ArgumentTypeError: a `path` that is none.
        OSError: no such file, or no image.
    """
    if color_mode not in _MODES:
        raise ArgumentError(f"color_mode must be 'grayscale', 'rgb' or 'rgba'. Received: color_mode={color_mode!r}")
    if interpolation not in _METHODS:
        raise ArgumentError(
            f"interpolation must be one of {', '.join(_METHODS)}. Received: interpolation={interpolation!r}"
        )
    if not isinstance(path, (str, os.PathLike, io.BytesIO)):
        raise ArgumentTypeError(f"path must be a file name or io.BytesIO. Received: path={path!r}")
    if target_size is not None and (not isinstance(target_size, (tuple, list)) or len(target_size) != 2):
        raise ArgumentError(f"target_size must be (height, width). Received: target_size={target_size!r}")
    content = path if isinstance(path, io.BytesIO) else io.BytesIO(Path(path).read_bytes())
    image = pillow().open(content)
    if color_mode != "grayscale" or image.mode not in _ONE_CHANNEL:
        image = image.convert(_MODES[color_mode])
    if target_size is None:
        image.load()
        return image
    height, width = map(int, target_size)
    if image.size == (width, height):
        return image
    box = None
    if keep_aspect_ratio:
        columns = min(image.width, image.height * width // height)
        rows = min(image.height, image.width * height // width)
        left, top = (image.width - columns) // 2, (image.height - rows) // 2
        box = (left, top, left + columns, top + rows)
    return image.resize((width, height), getattr(pillow().Resampling, interpolation.upper()), box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """An image as an array.

    Args:
        img: Pillow's image, or an array (height, width) or (height, width, channels).
        data_format: where the channels go; None: the default.
        dtype: of the array; None: `floatx()`.

    Returns:
        (height, width, channels), or channels first.

    Raises:
        ShapeError: an array that is no image.
    """
    first = settings.standardize_data_format(data_format) == "channels_first"
    x = np.asarray(img, dtype=np.dtype(standardize_dtype(dtype or settings.floatx())))
    if x.ndim == 2:
        return x[None] if first else x[..., None]
    if x.ndim != 3:
        raise ShapeError(f"img must have the shape (height, width) or (height, width, channels). Received: {x.shape}")
    return x.transpose(2, 0, 1) if first else x


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Image:
    """An array as Pillow's image.

    Args:
        x: (height, width, channels) with 1, 3 or 4 channels, or channels first.
        data_format: where the channels are; None: the default.
        scale: stretch the values so that the smallest becomes 0 and the largest 255.
        dtype: in which to compute; None: `floatx()`.

    Raises:
        ShapeError: no image.

    >>> array_to_img(np.zeros((2, 4, 3))).size
    (4, 2)
    """
    first = settings.standardize_data_format(data_format) == "channels_first"
    x = np.asarray(x, dtype=np.dtype(standardize_dtype(dtype or settings.floatx())))
    if x.ndim != 3:
        raise ShapeError(f"x must be one image of rank 3. Received: shape {x.shape}")
    x = x.transpose(1, 2, 0) if first else x
    if x.shape[2] not in (1, 3, 4):
        raise ShapeError(
            f"x must have 1, 3 or 4 channels. Received: shape {x.shape} ({data_format or 'default'} format)"
        )
    if scale:
        x = x - x.min()
        largest = x.max()
        x = (x / largest if largest else x) * 255
    image = pillow()
    if x.shape[2] > 1:
        return image.fromarray(_bytes(x))
    x = x[..., 0]
    return image.fromarray(x.astype(np.int32)) if x.max() > 255 else image.fromarray(_bytes(x))


def _bytes(x: np.ndarray) -> np.ndarray:
    """The whole parts as bytes; numbers outside 0 to 255 go round, as in Keras."""
    return x.astype(np.int64).astype(np.uint8) if x.dtype.kind == "f" else x.astype(np.uint8)


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file.

    Args:
        path: the file, or an open one.
        x: (height, width, channels) with 1, 3 or 4 channels, or channels first.
        data_format: where the channels are; None: the default.
        file_format: such as "png"; None: what the name ends in.
        scale: stretch the values so that the smallest becomes 0 and the largest 255.
        **kwargs: for Pillow's ``Image.save``.

    Raises:
        ShapeError: no image.
        ArgumentError: a format that Pillow does not know.
    """
    image = array_to_img(x, data_format, scale)
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    kind = (file_format or os.path.splitext(name)[1].lstrip(".")).lower()
    if image.mode == "RGBA" and kind in ("jpg", "jpeg"):
        image = image.convert("RGB")  # JPEG has no transparency
    try:
        image.save(path, format="jpeg" if kind == "jpg" else file_format, **kwargs)
    except (KeyError, ValueError) as error:
        raise ArgumentError(
            f"file_format must be one that Pillow writes, such as 'png'. Received: {kind!r}: {error}"
        ) from error
