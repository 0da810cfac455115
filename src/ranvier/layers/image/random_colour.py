"""Layers that change brightness, contrast and colours by chance, against overfitting."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError
from ...core.random import hash_bits
from .base import uniform
from .colour import (
    RandomColourLayer,
    contrasted,
    degenerated,
    grey,
    hue_shifted,
    posterized,
    saturated,
    sharpened,
    span,
    value_pair,
)

__all__ = [
    "RandomBrightness", "RandomColorDegeneration", "RandomContrast", "RandomGrayscale", "RandomHue", "RandomInvert",
    "RandomPosterization", "RandomSaturation", "RandomSharpness",
]  # fmt: skip


class RandomBrightness(RandomColourLayer):
    """Adds a number to all pixels of an image: in training, a part between −factor and factor of the range's width.

    Results keep the images' dtype and stay within the range.

    Args:
        factor: a pair of numbers within [−1, 1] to draw from, or f for (−|f|, |f|).
        value_range: the least and the greatest value of a pixel.
        seed: an integer, for the same numbers in every run.

    >>> import numpy as np
    >>> RandomBrightness((0.2, 0.2))(np.zeros((1, 1, 3), "uint8"), training=True).tolist()
    [[[51, 51, 51]]]
    """

    keeps_dtype = True

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(seed=seed, **kwargs)
        self.factor = span(type(self).__name__, "factor", factor, -1, 1)
        self.value_range = value_pair(type(self).__name__, value_range)

    def draw(self, words: Any, count: int) -> Any:
        """``{"rgb_delta": (count, 1, 1, 1)}``, what is added."""
        low, high = self.value_range
        return {"rgb_delta": self.uniform_factor(words, (count, 1, 1, 1)) * (high - low)}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """x + delta, within the range."""
        delta = jnp.asarray(transformation["rgb_delta"], x.dtype).reshape(-1, 1, 1, 1)
        return jnp.clip(x + delta, *self.value_range)


class RandomContrast(RandomColourLayer):
    """Multiplies the distance of pixels from their channel's mean by 1 − lower to 1 + upper, in training.

    Args:
        factor: (lower, upper), numbers within [0, 1]; or f for (0, f).
        value_range: the least and the greatest value of a pixel.
        seed: an integer, for the same numbers in every run.
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(seed=seed, **kwargs)
        self.factor = span(type(self).__name__, "factor", factor, 0, 1, start=0)
        self.value_range = value_pair(type(self).__name__, value_range)

    def draw(self, words: Any, count: int) -> Any:
        """``{"contrast_factor": (count, 1, 1, 1)}``."""
        lower, upper = self.factor
        return {"contrast_factor": uniform(words, (count, 1, 1, 1), 1 - lower, 1 + upper)}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """(x − mean) · factor + mean, within the range."""
        return contrasted(x, transformation["contrast_factor"], *self.value_range)


class _Mirrored(RandomColourLayer):
    """Base of layers whose factor f means (−|f|, |f|)."""

    _least, _start = -1, None

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: int | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = span(type(self).__name__, "factor", factor, self._least, 1, start=self._start)
        self.value_range = value_pair(type(self).__name__, value_range)


class _FromZero(_Mirrored):
    """Base of layers whose factor f means (0, f)."""

    _least, _start = 0, 0


class RandomColorDegeneration(_Mirrored):
    """Blends images with their grey values in training: 0 keeps an image, 1 makes it grey, −1 doubles its colour.

    Args:
        factor: a pair of numbers within [−1, 1] to draw from, or f for (−|f|, |f|).
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels (3 or 1) are.
        seed: an integer, for the same numbers in every run.
    """

    def draw(self, words: Any, count: int) -> Any:
        """``{"factor": (count, 1, 1, 1)}``, the grey's part."""
        return {"factor": self.uniform_factor(words, (count, 1, 1, 1))}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """x + factor · (grey − x), within the range."""
        return degenerated(x, transformation["factor"], *self.value_range)


class RandomSaturation(_Mirrored):
    """Multiplies colours' saturation in training by u / (1 − u), u from `factor`: ½ keeps an image, 0 makes it grey.

    Args:
        factor: a pair of numbers within [−1, 1] to draw u from (below 0 means 0), or f for (−|f|, |f|).
        value_range: the least and the greatest value of a pixel.
        data_format: where the 3 channels are.
        seed: an integer, for the same numbers in every run.
    """

    def draw(self, words: Any, count: int) -> Any:
        """``{"factor": (count,)}``, what saturation is multiplied by."""
        u = self.uniform_factor(words, (count,))
        return {"factor": u / jnp.maximum(1 - u, 1e-7)}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """The colours of the same hue and value with saturation · factor."""
        return saturated(x, transformation["factor"], *self.value_range)


class RandomHue(_FromZero):
    """Moves colours around the circle of hues in training, either way by up to half of `factor` of a full turn.

    Args:
        factor: a pair of numbers within [0, 1] to draw from, or f for (0, f); 1 is the opposite colour.
        value_range: the least and the greatest value of a pixel.
        data_format: where the 3 channels are.
        seed: an integer, for the same numbers in every run.
    """

    def draw(self, words: Any, count: int) -> Any:
        """``{"factor": (count,)}``, parts of a full turn, from −½ to ½."""
        low, high = self.factor
        dice = uniform(words, (2, count))
        return {"factor": jnp.where(dice[1] < 0.5, -0.5, 0.5) * (dice[0] * (high - low) + low)}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """The colours of the same saturation and value at hue + factor."""
        return hue_shifted(x, transformation["factor"], *self.value_range)


class RandomSharpness(_FromZero):
    """Smooths or sharpens images in training: 0 smooths, ½ keeps an image, 1 sharpens it.

    Args:
        factor: a pair of numbers within [0, 1] to draw from, or f for (0, f).
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels are.
        seed: an integer, for the same numbers in every run.
    """

    def draw(self, words: Any, count: int) -> Any:
        """``{"factor": (count,)}``."""
        return {"factor": self.uniform_factor(words, (count,))}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """smooth + 2 · factor · (x − smooth), within the range."""
        return sharpened(x, transformation["factor"], *self.value_range)


class RandomPosterization(RandomColourLayer):
    """Keeps only some of the 8 bits of each pixel's value, in training.

    Args:
        factor: a pair of numbers within [1, 8] to draw the number of bits from, or f for (1, f).
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels are.
        seed: an integer, for the same numbers in every run.
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: int | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = span(type(self).__name__, "factor", factor, 1, 8, start=1)
        self.value_range = value_pair(type(self).__name__, value_range)

    def draw(self, words: Any, count: int) -> Any:
        """``{"shift_factor": (count,)}``, how many of the 8 bits are cleared."""
        return {"shift_factor": 8 - jnp.floor(self.uniform_factor(words, (count,))).astype(jnp.uint8)}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """The pixels' bytes without their lowest bits."""
        return posterized(x, transformation["shift_factor"], *self.value_range)


class RandomInvert(RandomColourLayer):
    """Turns images to their negative with some probability, in training: the range's upper end minus the pixel.

    Args:
        factor: a pair of numbers within [0, 1] from which each image's probability is drawn, or f for (0, f).
        value_range: the least and the greatest value of a pixel.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.
    """

    def __init__(
        self, factor: Any = 1.0, value_range: Any = (0, 255), seed: int | None = None, data_format: str | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = span(type(self).__name__, "factor", factor, 0, 1, start=0)
        self.value_range = value_pair(type(self).__name__, value_range)

    def draw(self, words: Any, count: int) -> Any:
        """``{"apply_inversion": (count,)}``, booleans."""
        return {"apply_inversion": self.chosen(words, count)}

    def recolour(self, x: Any, transformation: Any) -> Any:
        """upper end − x where chosen."""
        chosen = jnp.reshape(jnp.asarray(transformation["apply_inversion"]), (-1, 1, 1, 1))
        return jnp.where(chosen, self.value_range[1] - x, x)


class RandomGrayscale(RandomColourLayer):
    """Makes images grey with probability `factor`, in training; they keep their channels and dtype.

    Args:
        factor: the probability, from 0 to 1.
        data_format: where the channels (3 or 1) are.
        seed: an integer, for the same numbers in every run.
    """

    config_if_changed = frozenset({"seed"})
    keeps_dtype = True

    def __init__(self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        if not isinstance(factor, (int, float)) or not 0 <= factor <= 1:
            raise ArgumentError(f"RandomGrayscale: factor must be a number from 0 to 1. Received: factor={factor!r}")
        self.factor = factor

    def draw(self, words: Any, count: int) -> Any:
        """(count, 1, 1, 1), whether the image turns grey."""
        return (hash_bits(words, (count, 1, 1, 1)) >> 8) < jnp.uint32(round(self.factor * 2**24))

    def recolour(self, x: Any, transformation: Any) -> Any:
        """Grey values in all channels where chosen."""
        return jnp.where(jnp.reshape(jnp.asarray(transformation), (-1, 1, 1, 1)), grey(x), x)
