"""The archives of CIFAR: pickled dicts of pixels and labels, read from the tar without unpacking it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core import settings
from ..core.errors import DataError
from .pickles import read_pickle

__all__ = ["read_batches"]

_SIDE, _CHANNELS = 32, 3
_LARGEST = 1 << 30  # bytes of one member

Batch = tuple[np.ndarray, np.ndarray]


def read_batches(archive: Path, members: list[str], label_key: str) -> list[Batch]:
    """The images and labels of some members of an archive.

    Args:
        archive: a tar of pickled dicts with the keys `data`, uint8 (images, 3072), and `label_key`.
        members: their names.
        label_key: where the labels are.

    Returns:
        For each member, images uint8 (images, 32, 32, 3), or channels first as the settings say, and labels
        (images, 1).

    Raises:
        DataError: another kind of archive.
    """
    import tarfile  # only here is it needed
    import zlib

    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:*") as tar:
            for info in tar:
                if info.name not in members:
                    continue
                file = tar.extractfile(info) if info.isreg() and info.size <= _LARGEST else None
                if file is None or info.name in contents:
                    raise DataError(f"The member {info.name} of {archive} is no plain file, too large, or there twice.")
                contents[info.name] = file.read()
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise DataError(f"{archive} is no archive, or a damaged one: {error}") from error
    if missing := [name for name in members if name not in contents]:
        raise DataError(f"{archive} must hold {', '.join(members)}. Missing: {', '.join(missing)}")
    return [_batch(contents[name], name, label_key) for name in members]


def _batch(content: bytes, name: str, label_key: str) -> Batch:
    value = read_pickle(content, name)
    table = (
        {k.decode("latin-1") if isinstance(k, bytes) else k: v for k, v in value.items()}
        if isinstance(value, dict)
        else {}
    )
    if "data" not in table or label_key not in table:
        raise DataError(f"{name} must hold a dict with 'data' and {label_key!r}.")
    images, labels = np.asarray(table["data"]), np.asarray(table[label_key])
    if images.dtype != np.uint8 or images.shape != (len(labels), _CHANNELS * _SIDE * _SIDE) or labels.ndim != 1:
        raise DataError(
            f"{name} must hold uint8 pixels of shape (images, 3072) and as many labels. Received: {images.dtype} of shape "
            f"{images.shape} and labels of shape {labels.shape}"
        )
    images = images.reshape(-1, _CHANNELS, _SIDE, _SIDE)
    if settings.image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return images, labels.reshape(-1, 1)
