"""Layers that spread or turn the tones of images: stretched contrast, equalised histograms, negatives from a threshold."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core.errors import ArgumentError
from .base import uniform
from .colour import ColourLayer, RandomColourLayer, levels, solarized, span, stretched, value_pair

__all__ = ["AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "Solarization"]


def histograms(index: Any, bins: int) -> Any:
    """How often each number occurs: (rows, numbers) of whole numbers below `bins` to (rows, bins), float32."""
    rows = index.shape[0]
    flat = (jnp.arange(rows, dtype=jnp.int32)[:, None] * bins + index).reshape(-1)
    counts = jnp.zeros((rows * bins,), jnp.float32).at[flat].add(1.0, mode="promise_in_bounds")
    return counts.reshape(rows, bins)


def equalized(x: Any, bins: int, low: float, high: float) -> Any:
    """Each channel of each image with tones spread so that each is as frequent as the others, as far as possible.

    A tone t becomes (C(t) − C₀) / (N − C₀) of the range, C the cumulated histogram, C₀ its first value that is not 0,
    N the number of pixels (Gonzalez and Woods, *Digital Image Processing*, section 3.3); channels of one tone stay.
    """
    n, height, width, channels = x.shape
    index = jnp.moveaxis(levels(x, low, high, bins - 1), -1, 1).reshape(n * channels, height * width)
    cumulated = jnp.cumsum(histograms(index, bins), axis=1)
    first = jnp.take_along_axis(cumulated, jnp.min(index, axis=1, keepdims=True), axis=1)
    rest = height * width - first
    table = jnp.clip(jnp.round((cumulated - first) / jnp.where(rest > 0, rest, 1) * 255), 0, 255)
    y = jnp.take_along_axis(table, index, axis=1, mode="promise_in_bounds").astype(x.dtype) * ((high - low) / 255) + low
    y = jnp.moveaxis(y.reshape(n, channels, height, width), 1, -1)
    return jnp.where((rest > 0).reshape(n, 1, 1, channels), y, x)


def adaptively_equalized(x: Any, grid: tuple[int, int], clip_limit: float, low: float, high: float) -> Any:
    """Equalisation tile by tile, the tiles' curves clipped in steepness and blended between their middles.

    K. Zuiderveld, 1994, *Contrast Limited Adaptive Histogram Equalization*, in Graphics Gems IV: counts above the limit
    are cut off and spread over all tones.
    """
    n, height, width, channels = x.shape
    (down, across), bins = grid, 256
    tall, wide = -(-height // down), -(-width // across)
    edges = ((0, 0), (0, down * tall - height), (0, across * wide - width), (0, 0))
    index = levels(jnp.pad(x, edges, mode="symmetric"), low, high, bins - 1)
    tiles = index.reshape(n, down, tall, across, wide, channels).transpose(0, 1, 3, 5, 2, 4)
    counts = histograms(tiles.reshape(-1, tall * wide), bins)
    if clip_limit > 0:
        limit = clip_limit * tall * wide / bins
        clipped = jnp.minimum(counts, limit)
        counts = clipped + jnp.sum(counts - clipped, axis=1, keepdims=True) / bins
    cumulated = jnp.cumsum(counts, axis=1)
    first, last = cumulated[:, :1], cumulated[:, -1:]
    spread = jnp.where(last > first, last - first, 1)
    tables = ((cumulated - first) * (255 / spread)).reshape(-1)

    def neighbours(size: int, tile: int, count: int) -> Any:
        """For each row (or column) the tiles whose middles are before and after it, and the second one's part."""
        place = jnp.clip((jnp.arange(size, dtype=x.dtype) - tile / 2) / tile, 0, count - 1)
        before = jnp.floor(place).astype(jnp.int32)
        return before, jnp.minimum(before + 1, count - 1), place - before

    top, bottom, part_down = neighbours(height, tall, down)
    left, right, part_right = neighbours(width, wide, across)
    index = index[:, :height, :width]
    images = jnp.arange(n, dtype=jnp.int32)[:, None, None, None]
    channel = jnp.arange(channels, dtype=jnp.int32)

    def looked_up(row: Any, column: Any) -> Any:
        tile = (images * down + row[None, :, None, None]) * across + column[None, None, :, None]
        return tables.at[(tile * channels + channel) * bins + index].get(mode="promise_in_bounds")

    rightwards = part_right[None, None, :, None]
    upper = looked_up(top, left) * (1 - rightwards) + looked_up(top, right) * rightwards
    lower = looked_up(bottom, left) * (1 - rightwards) + looked_up(bottom, right) * rightwards
    downwards = part_down[None, :, None, None]
    y = upper * (1 - downwards) + lower * downwards
    return jnp.clip(y, 0, 255).astype(x.dtype) * ((high - low) / 255) + low


class AutoContrast(ColourLayer):
    """Stretches each channel of each image to the whole range, in training and after.

    Args:
        value_range: the least and the greatest value of a pixel.

    >>> import numpy as np
    >>> AutoContrast()(np.array([[[10.0], [20.0]], [[15.0], [10.0]]], "float32"))[..., 0].tolist()
    [[0.0, 255.0], [127.5, 0.0]]
    """

    always = True

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = value_pair(type(self).__name__, value_range)

    def recolour(self, x: Any, transformation: Any) -> Any:
        """(x − least) / (greatest − least) of the range."""
        return stretched(x, *self.value_range)


class Equalization(ColourLayer):
    """Equalises the histogram of each channel of each image, in training.

    Args:
        value_range: the least and the greatest value of a pixel.
        bins: how many tones are told apart, at least 2.
        data_format: where the channels are.

    Raises:
        ArgumentError: `bins` that is not an integer of at least 2.
    """

    def __init__(self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
            raise ArgumentError(f"Equalization: bins must be an integer of at least 2. Received: bins={bins!r}")
        self.bins = bins
        self.value_range = value_pair(type(self).__name__, value_range)

    def recolour(self, x: Any, transformation: Any) -> Any:
        """The tones' places in the cumulated histogram."""
        return equalized(x, self.bins, *self.value_range)


class ContrastLimitedAdaptiveHistogramEqualization(ColourLayer):
    """Equalises histograms tile by tile with limited contrast (CLAHE: Zuiderveld, 1994), in training and after.

    Results keep the images' dtype.

    Args:
        value_range: the least and the greatest value of a pixel.
        clip_limit: how many times more often than on average a tone may count; 0: no limit.
        tile_grid_size: how many tiles down and across.
        data_format: where the channels are.

    Raises:
        ArgumentError: `tile_grid_size` that is not two positive integers, `clip_limit` that is not a number.
    """

    keeps_dtype = always = True

    def __init__(
        self, value_range: Any = (0, 255), clip_limit: float = 4.0, tile_grid_size: Any = (8, 8),
        data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        name = type(self).__name__
        self.value_range = value_pair(name, value_range)
        if isinstance(clip_limit, bool) or not isinstance(clip_limit, (int, float)):
            raise ArgumentError(f"{name}: clip_limit must be a number. Received: clip_limit={clip_limit!r}")
        if (
            not isinstance(tile_grid_size, (tuple, list))
            or len(tile_grid_size) != 2
            or not all(isinstance(v, int) and v > 0 for v in tile_grid_size)
        ):
            raise ArgumentError(
                f"{name}: tile_grid_size must be two positive integers. Received: tile_grid_size={tile_grid_size!r}"
            )
        self.clip_limit = clip_limit
        self.tile_grid_size = (tile_grid_size[0], tile_grid_size[1])

    def recolour(self, x: Any, transformation: Any) -> Any:
        """The tones' places in the clipped histograms of the tiles around."""
        return adaptively_equalized(x, self.tile_grid_size, self.clip_limit, *self.value_range)


class Solarization(RandomColourLayer):
    """Adds to pixels and turns those from a threshold on to their negative, in training.

    Args:
        addition_factor: a pair of numbers within [0, 1] to draw what is added from, in parts of the range; or f for
            (0, f).
        threshold_factor: likewise for the threshold; 0 turns all pixels.
        value_range: the least and the greatest value of a pixel.
        seed: an integer, for the same numbers in every run.
    """

    def __init__(
        self, addition_factor: Any = 0.0, threshold_factor: Any = 0.0, value_range: Any = (0, 255),
        seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(seed=seed, **kwargs)
        name = type(self).__name__
        self.addition_factor = span(name, "addition_factor", addition_factor, 0, 1, start=0)
        self.threshold_factor = span(name, "threshold_factor", threshold_factor, 0, 1, start=0)
        self.value_range = value_pair(name, value_range)

    def draw(self, words: jax.Array, count: int) -> Any:
        """``{"additions": (count, 1, 1, 1), "thresholds": (count, 1, 1, 1)}`` on the scale from 0 to 255."""
        dice = uniform(words, (2, count, 1, 1, 1))
        (add_low, add_high), (low, high) = self.addition_factor, self.threshold_factor
        return {
            "additions": 255 * (dice[0] * (add_high - add_low) + add_low),
            "thresholds": 255 * (dice[1] * (high - low) + low),
        }

    def recolour(self, x: Any, transformation: Any) -> Any:
        """x + addition below the threshold, the negative of it from there on."""
        return solarized(x, transformation["additions"], transformation["thresholds"], *self.value_range)
