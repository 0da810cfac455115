"""Arrays in NumPy's format are read as NumPy reads them, or refused with the reason."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

from ranvier.files.npy import npy_array


def written(array: np.ndarray) -> bytearray:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return bytearray(file.getvalue())


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6, dtype="int8").reshape(2, 3)), np.float32(2.5),
        np.zeros((0, 4)), np.array(["a", "bc"]), np.arange(3, dtype=">i4"), np.array([True]),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)  # fmt: skip
def test_arrays_come_back(array):
    found = npy_array(written(np.asarray(array)))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert np.array_equal(found, array)
    assert found.flags.writeable


def test_what_is_refused():
    good = written(np.arange(6.0))
    for content, why in (
        (b"", "damaged"),
        (b"nonsense", "damaged"),
        (good[:-1], "cut short: its shape (6,) needs 48 bytes, and 47 are there"),
        (good + b"x", "it has more bytes than its shape (6,) needs: 49 instead of 48"),
        (good.replace(b"(6,), ", b"(-6,),"), "its shape is (-6,)"),
        (good.replace(b"(6,), ", b"(9**9)"), "damaged"),
        (b"\x93NUMPY\x09\x00" + good[8:], "unknown format (9, 0)"),
        (written(np.array([{}], object)), "Python objects"),
    ):
        with pytest.raises(ValueError, match=re.escape(why)):
            npy_array(bytearray(content))
