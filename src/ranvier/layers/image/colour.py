"""The mathematics of colour: functions of batches (images, height, width, channels) of floats, and their layers' base.

Factors have one number for each image, in any shape that holds as many; `low` and `high` are the range of the pixels.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError, NotDefinedError, ShapeError
from ...core.random import SeedGenerator
from ...ops.image.colour import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from ...ops.image.layout import batched, from_floats, working_dtype
from .base import ImageLayer, uniform

__all__ = [
    "ColourLayer", "RandomColourLayer", "contrasted", "degenerated", "grey", "hue_shifted", "levels", "posterized", "saturated",
    "sharpened", "solarized", "span", "stretched", "value_pair",
]  # fmt: skip

# --- arguments ------------------------------------------------------------------------------------------------------


def span(layer: str, name: str, value: Any, least: float, most: float, start: float | None = None) -> tuple[Any, Any]:
    """The interval that a factor means: a pair as it is (sorted), a number f as (start, f), or (−|f|, |f|) without start.

    Raises:
        ArgumentError: neither a number nor a pair of numbers, or outside [least, most].
    """
    pair = isinstance(value, (tuple, list))
    ends = tuple(value) if pair else (value,)
    numbers = not any(isinstance(v, (bool, str)) or not hasattr(v, "__float__") for v in ends)
    if len(ends) != (2 if pair else 1) or not numbers or not all(least <= v <= most for v in ends):
        raise ArgumentError(
            f"{layer}: {name} must be a number or a pair of numbers, within [{least}, {most}]. "
            f"Received: {name}={value!r}"
        )
    if pair:
        return min(ends), max(ends)
    return (-abs(value), abs(value)) if start is None else (start, value)


def value_pair(layer: str, value_range: Any) -> tuple[Any, Any]:
    """`value_range`, refused unless it is two numbers, the lower one first."""
    if (
        not isinstance(value_range, (tuple, list))
        or len(value_range) != 2
        or not all(hasattr(v, "__float__") for v in value_range)
        or not value_range[0] < value_range[1]
    ):
        raise ArgumentError(
            f"{layer}: value_range must be two numbers, the lower one first, such as (0, 255) or (0, 1). "
            f"Received: value_range={value_range!r}"
        )
    return value_range[0], value_range[1]


# --- mathematics ----------------------------------------------------------------------------------------------------


def _column(factor: Any, x: Any) -> Any:
    """A number for each image, so that it multiplies all of the image's pixels."""
    return jnp.asarray(factor, x.dtype).reshape(-1, 1, 1, 1)


def levels(x: Any, low: float, high: float, top: int) -> Any:
    """Pixels as whole numbers from 0 to `top`; what rounding put just below a whole number counts as that number."""
    return jnp.clip(jnp.floor((x - low) * (top / (high - low)) + 2.0**-13), 0, top).astype(jnp.int32)


def grey(x: Any) -> Any:
    """The grey values of colours, one channel; of grey images themselves."""
    if x.shape[-1] not in (1, 3):
        raise ShapeError(f"images must have 3 channels (colours) or 1 (grey). Received: {x.shape[-1]} channels")
    return x if x.shape[-1] == 1 else rgb_to_grayscale(x, data_format="channels_last")


def contrasted(x: Any, factor: Any, low: float, high: float) -> Any:
    """Each channel's distance from its mean over the image, times `factor`."""
    mean = jnp.mean(x, axis=(1, 2), keepdims=True)
    return jnp.clip((x - mean) * _column(factor, x) + mean, low, high)


def degenerated(x: Any, factor: Any, low: float, high: float) -> Any:
    """The image blended with its grey values: itself at 0, grey at 1, more colourful below 0."""
    return jnp.clip(x + _column(factor, x) * (grey(x) - x), low, high)


def _in_hsv(x: Any, low: float, high: float, change: Any) -> Any:
    hsv = rgb_to_hsv((x - low) / (high - low), data_format="channels_last")
    rgb = hsv_to_rgb(change(hsv), data_format="channels_last")
    return jnp.clip(rgb * (high - low) + low, low, high)


def hue_shifted(x: Any, turns: Any, low: float, high: float) -> Any:
    """Hues moved around the circle of colours, by a part of a full turn."""
    shift = _column(turns, x)
    return _in_hsv(x, low, high, lambda v: v.at[..., :1].set(jnp.mod(v[..., :1] + shift, 1)))


def saturated(x: Any, factor: Any, low: float, high: float) -> Any:
    """Saturation in HSV times `factor`, at most full: grey at 0, the image itself at 1."""
    scale = _column(factor, x)
    return _in_hsv(x, low, high, lambda v: v.at[..., 1:2].set(jnp.clip(v[..., 1:2] * scale, 0, 1)))


def sharpened(x: Any, factor: Any, low: float, high: float) -> Any:
    """From a smoothed image (factor 0) through the image itself (½) to as far beyond (1).

    The smoothing is that of the Python Imaging Library: weight 5 for the pixel and 1 for each of its 8 neighbours,
    zeros beyond the edges.
    """
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    smooth = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:] + 4 * x) / 13
    return jnp.clip(smooth + 2 * _column(factor, x) * (x - smooth), low, high)


def posterized(x: Any, shift: Any, low: float, high: float) -> Any:
    """Pixels as bytes whose lowest `shift` bits are 0."""
    shift = jnp.asarray(shift, jnp.int32).reshape(-1, 1, 1, 1)
    kept = (levels(x, low, high, 255) >> shift) << shift
    return kept.astype(x.dtype) * ((high - low) / 255) + low


def solarized(x: Any, addition: Any, threshold: Any, low: float, high: float) -> Any:
    """Pixels with `addition`, turned to their negative from `threshold` on; both on the scale from 0 to 255."""
    v = jnp.clip((x - low) * (255 / (high - low)) + _column(addition, x), 0, 255)
    return jnp.where(v < _column(threshold, x), v, 255 - v) * ((high - low) / 255) + low


def stretched(x: Any, low: float, high: float) -> Any:
    """Each channel of each image stretched to the whole range; channels of one value stay."""
    least, most = jnp.min(x, axis=(1, 2), keepdims=True), jnp.max(x, axis=(1, 2), keepdims=True)
    width = most - least
    scaled = (x - least) * ((high - low) / jnp.where(width > 0, width, 1)) + low
    return jnp.where(width > 0, jnp.clip(scaled, low, high), x)


# --- layers ---------------------------------------------------------------------------------------------------------


class ColourLayer(ImageLayer):
    """Base of layers that change pixels' values: subclasses define `recolour`.

    Bytes and half-precision numbers are computed in float32; results have the layer's compute dtype.

    Args:
        value_range: the least and the greatest value of a pixel, such as (0, 255) or (0, 1).
        seed: an integer, for the same numbers in every run.

    Raises:
        ArgumentError: a `value_range` or a factor that is not as described.
    """

    #: Whether results have the images' dtype and not the compute dtype.
    keeps_dtype = False
    #: Whether images change outside of training, too.
    always = False

    def recolour(self, x: Any, transformation: Any) -> Any:
        """The images after `transformation`: floats, (images, height, width, channels)."""
        raise NotDefinedError(f"{type(self).__name__} must define `recolour(self, x, transformation)`.")

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images after `transformation`; as they are when not training, for layers that are random."""
        images = jnp.asarray(images)
        dtype = images.dtype if self.keeps_dtype else jnp.dtype(self.compute_dtype)
        if not self.always and (not training or (transformation is None and self._draws())):
            return images.astype(dtype)
        x, back = batched(images, self.data_format)
        y = self.recolour(x.astype(working_dtype(x)), transformation)
        if self.keeps_dtype:
            return back(y.astype(dtype))
        return back(from_floats(y, dtype))

    def _draws(self) -> bool:
        return type(self).get_random_transformation is not ImageLayer.get_random_transformation


class RandomColourLayer(ColourLayer):
    """Base of colour layers that draw: in training, `draw` gives the numbers for so many images."""

    def __init__(self, *, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def draw(self, words: Any, count: int) -> Any:
        """The numbers of one transformation of `count` images."""
        raise NotDefinedError(f"{type(self).__name__} must define `draw(self, words, count)`.")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The numbers of one transformation, a row for each image; None when not training."""
        return self.draw(self.words(seed), self.image_count(data)) if training else None

    def uniform_factor(self, words: Any, shape: tuple[int, ...]) -> Any:
        """Numbers of the interval `factor`."""
        low, high = self.factor  # type: ignore[attr-defined]
        return uniform(words, shape, low, high)

    def chosen(self, words: Any, count: int) -> Any:
        """For each image, whether it is changed: with a probability that is itself drawn from `factor`."""
        low, high = self.factor  # type: ignore[attr-defined]
        dice = uniform(words, (2, count))
        return dice[0] < dice[1] * (high - low) + low
