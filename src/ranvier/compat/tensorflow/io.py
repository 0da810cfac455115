"""``tf.io``: files and images in them. Bytes and text stay with Python and NumPy; nothing here can be compiled."""

from __future__ import annotations

import glob
import io
import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.errors import ArgumentError
from .dtypes import as_dtype, dtype_name
from .tensors import array_of

__all__ = [
    "decode_bmp", "decode_gif", "decode_image", "decode_jpeg", "decode_png", "decode_raw", "encode_jpeg",
    "encode_png", "gfile", "is_jpeg", "matching_files", "read_file", "write_file",
]  # fmt: skip


def _text(value: Any) -> str:
    if hasattr(value, "tolist"):
        value = value.tolist()
    return value.decode() if isinstance(value, bytes) else os.fspath(value)


def _bytes(value: Any) -> bytes:
    if hasattr(value, "tolist"):
        value = value.tolist()
    return value.encode() if isinstance(value, str) else bytes(value)


def read_file(filename: Any, name: str | None = None) -> bytes:
    """The bytes of a file."""
    return Path(_text(filename)).read_bytes()


def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Write bytes or text to a file; folders are made."""
    path = Path(_text(filename))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_bytes(contents))


def matching_files(pattern: Any, name: str | None = None) -> Any:
    """The files that match patterns such as ``"folder/*.png"``, in order."""
    patterns = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return np.asarray(sorted(path for p in patterns for path in glob.glob(_text(p))), object)


def _opened(contents: Any, channels: int | None, kinds: tuple[str, ...] | None) -> Any:
    from ...tools.images import pillow

    image = pillow().open(io.BytesIO(_bytes(contents)))
    if kinds and image.format not in kinds:
        raise ArgumentError(f"The bytes are an image of format {image.format}, not {' or '.join(kinds)}.")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(channels or 0)
    if mode is None and image.mode not in ("L", "RGB", "RGBA", "I;16"):
        mode = "RGB"
    array = np.asarray(image.convert(mode) if mode else image)
    return array[..., None] if array.ndim == 2 else array


def decode_image(
    contents: Any,
    channels: int | None = None,
    dtype: Any = "uint8",
    name: str | None = None,
    expand_animations: bool = True,
) -> Any:
    """An image file's bytes as (height, width, channels).

    Args:
        contents: the bytes of a PNG, JPEG, BMP or GIF file.
        channels: 1, 3 or 4; None or 0: the file's own.
        dtype: uint8, or a float dtype for numbers from 0 to 1.
        name: accepted.
        expand_animations: True: GIF files give (frames, height, width, 3).
    """
    from .image import convert_image_dtype

    data = _bytes(contents)
    if data[:3] == b"GIF" and expand_animations:
        array = decode_gif(data)
    else:
        array = jnp.asarray(_opened(data, channels, None))
    return array if as_dtype(dtype) == array.dtype else convert_image_dtype(array, dtype)


def decode_png(contents: Any, channels: int | None = 0, dtype: Any = "uint8", name: str | None = None) -> Any:
    """A PNG file's bytes (other formats, too) as (height, width, channels)."""
    return jnp.asarray(_opened(contents, channels, None), dtype_name(dtype))


def decode_jpeg(contents: Any, channels: int | None = 0, ratio: int = 1, *args: Any, **kwargs: Any) -> Any:
    """A JPEG file's bytes (other formats, too) as (height, width, channels)."""
    found = jnp.asarray(_opened(contents, channels, None))
    return found if ratio == 1 else found[::ratio, ::ratio]


def decode_bmp(contents: Any, channels: int | None = 0, name: str | None = None) -> Any:
    """A BMP file's bytes as (height, width, channels)."""
    return jnp.asarray(_opened(contents, channels, ("BMP", "DIB")))


def decode_gif(contents: Any, name: str | None = None) -> Any:
    """A GIF file's bytes as (frames, height, width, 3)."""
    from ...tools.images import pillow

    image = pillow().open(io.BytesIO(_bytes(contents)))
    frames = []
    for i in range(getattr(image, "n_frames", 1)):
        image.seek(i)
        frames.append(np.asarray(image.convert("RGB")))
    return jnp.asarray(np.stack(frames))


def _encoded(image: Any, kind: str, **options: Any) -> bytes:
    from ...tools.images import pillow

    array = np.asarray(array_of(image))
    out = io.BytesIO()
    pillow().fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(out, kind, **options)
    return out.getvalue()


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> bytes:
    """A PNG file's bytes of (height, width, channels) in uint8."""
    return _encoded(image, "PNG")


def encode_jpeg(image: Any, format: str = "", quality: int = 95, **kwargs: Any) -> bytes:
    """A JPEG file's bytes of (height, width, channels) in uint8."""
    return _encoded(image, "JPEG", quality=int(quality))


def is_jpeg(contents: Any, name: str | None = None) -> bool:
    """Whether the bytes are a JPEG file's."""
    return _bytes(contents)[:3] == b"\xff\xd8\xff"


def decode_raw(
    input_bytes: Any, out_type: Any, little_endian: bool = True, fixed_length: Any = None, name: str | None = None
) -> Any:
    """Bytes as numbers of a dtype."""
    order = "<" if little_endian else ">"
    return array_of(
        np.frombuffer(_bytes(input_bytes), np.dtype(as_dtype(out_type).as_numpy_dtype).newbyteorder(order)).copy()
    )


class gfile:  # noqa: N801  TensorFlow's name
    """Files by Python's functions."""

    @staticmethod
    def GFile(name: Any, mode: str = "r") -> Any:  # noqa: N802
        """An open file."""
        return open(_text(name), mode)

    @staticmethod
    def exists(path: Any) -> bool:
        """Whether there is such a file or folder."""
        return os.path.exists(_text(path))

    @staticmethod
    def isdir(path: Any) -> bool:
        """Whether it is a folder."""
        return os.path.isdir(_text(path))

    @staticmethod
    def listdir(path: Any) -> list[str]:
        """What is in a folder."""
        return os.listdir(_text(path))

    @staticmethod
    def glob(pattern: Any) -> list[str]:
        """What matches a pattern."""
        return list(matching_files(pattern))

    @staticmethod
    def makedirs(path: Any) -> None:
        """Make a folder and those above it."""
        os.makedirs(_text(path), exist_ok=True)

    mkdir = makedirs


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("io", name, __all__))
