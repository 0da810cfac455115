"""Invented samples that a network can learn from: classes differ in their mean, under noise. NumPy and, for files, Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["LENGTH", "VOCABULARY", "WIDTH", "photographs", "pictures", "sequences", "tokens"]

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


def photographs(folder: Path, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """JPEG files in a folder for each of ten classes, and what is in them: (count, size, size, 3) uint8, (count,) int64."""
    from PIL import Image

    generator, y = _labels(count, 10)
    means = generator.integers(60, 196, (10, size // 8, size // 8, 3), dtype="uint8")
    x = np.empty((count, size, size, 3), "uint8")
    for i, label in enumerate(y):
        smooth = np.asarray(Image.fromarray(means[label]).resize((size, size), Image.Resampling.BICUBIC))
        noisy = np.clip(smooth + generator.integers(-40, 40, smooth.shape), 0, 255).astype("uint8")
        path = folder / str(label) / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noisy).save(path, quality=90)
        x[i] = np.asarray(Image.open(path))
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
