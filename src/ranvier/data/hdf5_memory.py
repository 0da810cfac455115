"""HDF5 datasets that lie in one piece in their file, read as `numpy.memmap` is: without HDF5."""

from __future__ import annotations

import mmap
import os
import sys
from typing import Any

import numpy as np

__all__ = ["mapped_hdf5"]


def mapped_hdf5(source: Any) -> np.ndarray | None:
    """The numbers of an HDF5 dataset as read-only memory of its file; None where only HDF5 can read them.

    It must be contiguous (neither chunked nor compressed, so stored as NumPy would), in one ordinary file that is open
    for reading alone, and of a dtype that NumPy knows. Rows in any order are then read at the speed of memory, which
    HDF5's own selections of rows are far from.
    """
    h5py = sys.modules.get("h5py")
    if h5py is None or not isinstance(source, h5py.Dataset):
        return None
    file = source.file
    if file.mode != "r" or file.driver != "sec2" or file.userblock_size or source.chunks is not None:
        return None
    if source.is_virtual or source.external or source.dtype.hasobject:
        return None
    offset, size = source.id.get_offset(), source.size * source.dtype.itemsize
    if offset is None or source.id.get_storage_size() != size:
        return None
    if not source.id.get_type().equal(h5py.h5t.py_create(source.dtype, logical=True)):
        return None
    handle = file.id.get_vfd_handle()
    if os.fstat(handle).st_size < offset + size:
        return None
    memory = mmap.mmap(handle, offset + size, access=mmap.ACCESS_READ)
    return np.frombuffer(memory, source.dtype, source.size, offset).reshape(source.shape)
