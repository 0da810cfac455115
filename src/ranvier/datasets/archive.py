"""Reading named arrays from an ``.npz`` archive: data only, never pickles."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from ..core.errors import DataError

__all__ = ["read_arrays"]


def read_arrays(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """The arrays `names` of an archive.

    Raises:
        DataError: no archive, an array that is missing, or one that holds Python objects.
    """
    if not zipfile.is_zipfile(path):
        raise DataError(
            f"{path} is no .npz archive. It should hold the arrays {', '.join(names)}, as np.savez writes them."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            if missing := [name for name in names if name not in archive]:
                raise DataError(f"{path} must hold the arrays {', '.join(names)}. Missing: {', '.join(missing)}")
            return [archive[name] for name in names]
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged, or holds Python objects instead of numbers: {error}") from error
