"""Fashion-MNIST (H. Xiao, K. Rasul and R. Vollgraf, 2017): 70,000 images of 28×28 pixels, 10 kinds of clothing.

The classes are T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot. MIT licence.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from ..core.errors import DataError
from .sources import find

__all__ = ["load_data", "read_idx"]

_LARGEST = 1 << 30  # bytes unpacked
_UBYTE = 8  # the type code of unsigned bytes in an IDX file

Split = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Split, Split]:
    """The training and the test images.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 of shapes (60000, 28, 28) and (10000, 28, 28); labels
        uint8 of shapes (60000,) and (10000,), 0 to 9.

    Raises:
        DownloadError: a file cannot be had.
        DataError: another kind of file.
    """
    return _split("train"), _split("t10k")


def _split(part: str) -> Split:
    images, labels = (read_idx(find(f"{part}-{what}-ubyte.gz")) for what in ("images-idx3", "labels-idx1"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(
            f"The {part} files hold images {images.shape} and labels {labels.shape}, which do not belong together."
        )
    return images, labels


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in a compressed IDX file: magic number, sizes (big endian), then the bytes.

    Raises:
        DataError: another kind of file.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no gzip file, or a damaged one: {error}") from error
    if len(content) > _LARGEST or content[:3] != bytes([0, 0, _UBYTE]) or len(content) < 4:
        raise DataError(f"{path} holds no IDX array of unsigned bytes.")
    rank, start = content[3], 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(f"{path} is cut short.")
    shape = struct.unpack(f">{rank}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{path} should hold {math.prod(shape):,} bytes of shape {shape}. Received: {len(content) - start:,}"
        )
    return np.frombuffer(bytearray(content[start:]), np.uint8).reshape(shape)
