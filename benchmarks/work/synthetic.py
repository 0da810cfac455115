"""Invented samples that a network can learn from: classes differ in their mean, under noise. NumPy only."""

from __future__ import annotations

import numpy as np

__all__ = ["LENGTH", "VOCABULARY", "WIDTH", "pictures", "sequences", "tokens"]

VOCABULARY = 20_000
LENGTH = WIDTH = 64


def _labels(count: int, classes: int) -> tuple[np.random.Generator, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator, generator.integers(0, classes, count)


def pictures(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten classes of noisy pictures, (count, size, size, 3) float32, and labels, (count,) int64."""
    generator, y = _labels(count, 10)
    means = generator.normal(0, 2, (10, size // 8, size // 8, 3)).astype("float32")
    x = generator.standard_normal((count, size, size, 3), dtype="float32")
    x += means.repeat(8, axis=1).repeat(8, axis=2)[y]
    return x, y


def sequences(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten classes of noisy vectors in a row, (count, LENGTH, WIDTH) float32, and labels, (count,) int64."""
    generator, y = _labels(count, 10)
    means = generator.normal(0, 1, (10, 1, WIDTH)).astype("float32")
    return generator.standard_normal((count, LENGTH, WIDTH), dtype="float32") + means[y], y


def tokens(count: int, length: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that use different words, (count, length) int32, and labels, (count,) int64."""
    generator, y = _labels(count, 2)
    words = generator.integers(0, VOCABULARY * 6 // 10, (count, length))
    return (words + y[:, None] * (VOCABULARY * 4 // 10)).astype("int32"), y
