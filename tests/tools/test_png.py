"""PNG files: another reader sees the same pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ranvier.tools.png import png_bytes


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 3), (64, 1, 3), (150, 9, 3)])
def test_round_trip(rng, shape):
    pixels = rng.integers(0, 256, shape, np.uint8)
    read = Image.open(io.BytesIO(png_bytes(pixels, dpi=200)))
    assert read.mode == ("RGB" if len(shape) == 3 else "L")
    assert read.info["dpi"] == pytest.approx((200, 200), abs=0.01)
    np.testing.assert_array_equal(np.asarray(read), pixels)
    assert "dpi" not in Image.open(io.BytesIO(png_bytes(pixels))).info
