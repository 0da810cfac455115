"""Layers that blur images, take parts away, or mix them with each other, in training."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from ...core.errors import ArgumentError
from ...core.random import SeedGenerator, hash_bits
from ...ops.image.layout import from_floats, working_dtype
from .base import ImageLayer, uniform
from .colour import RandomColourLayer, span, value_pair

__all__ = ["CutMix", "MixUp", "RandomErasing", "RandomGaussianBlur"]


def rectangles(words: Any, size: tuple[int, int], tall: Any, wide: Any) -> tuple[Any, Any]:
    """Rectangles at random places inside images.

    Args:
        words: a seed.
        size: the images' height and width.
        tall, wide: (images,), the rectangles' sides in parts of the images'.

    Returns:
        Masks (images, height, width), and the part of each image that its rectangle covers, (images,).
    """
    dice = uniform(words, (2, tall.shape[0]))
    inside: list[Any] = []
    covered: Any = 1.0
    for total, part, die in zip(size, (tall, wide), dice, strict=True):
        side = jnp.clip(jnp.round(total * part), 0, total)
        start = jnp.floor(die * (total - side + 1))
        place = jnp.arange(total, dtype=jnp.float32)
        inside.append((place >= start[:, None]) & (place < (start + side)[:, None]))
        covered = covered * side / total
    return inside[0][:, :, None] & inside[1][:, None, :], covered


def bell(size: int, sigma: Any) -> Any:
    """(images, size): normal densities around the middle, of sum 1; σ = 0 gives all to the middle."""
    x = jnp.arange(size, dtype=sigma.dtype) - (size - 1) / 2
    weights = jnp.exp(-0.5 * (x / jnp.maximum(sigma, 1e-3)[:, None]) ** 2)
    return weights / jnp.sum(weights, axis=1, keepdims=True)


class RandomGaussianBlur(RandomColourLayer):
    """Blurs images under a Gaussian kernel with some probability, in training.

    Args:
        factor: a pair of numbers within [0, 1] from which each image's probability is drawn, or f for (0, f).
        kernel_size: the kernel's width and height, odd; one number for both.
        sigma: a pair of standard deviations in pixels between which each image's two are drawn, or s for (0, s).
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels are.
        seed: an integer, for the same numbers in every run.

    Raises:
        ArgumentError: `kernel_size` that is not odd and positive.
    """

    def __init__(
        self, factor: Any = 1.0, kernel_size: Any = 3, sigma: Any = 1.0, value_range: Any = (0, 255),
        data_format: str | None = None, seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        name = type(self).__name__
        self.factor = span(name, "factor", factor, 0, 1, start=0)
        sizes = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        if len(sizes) != 2 or not all(isinstance(v, int) and v > 0 and v % 2 for v in sizes):
            raise ArgumentError(f"{name}: kernel_size must be odd. Received: kernel_size={kernel_size!r}")
        self.kernel_size = sizes
        self.sigma = span(name, "sigma", sigma, 0, math.inf, start=0)
        self.value_range = value_pair(name, value_range)

    def draw(self, words: Any, count: int) -> Any:
        """``{"should_apply_blur": (count,), "blur_factor": (count, 2)}``: the standard deviations across and down."""
        low, high = self.factor
        dice = uniform(words, (4, count))
        least, most = self.sigma
        return {
            "should_apply_blur": dice[0] < dice[1] * (high - low) + low,
            "blur_factor": (dice[2:].T) * (most - least) + least,
        }

    def recolour(self, x: Any, transformation: Any) -> Any:
        """The images under their kernels, zeros beyond the edges."""
        sigmas = jnp.asarray(transformation["blur_factor"], x.dtype).reshape(-1, 2)
        y = x
        for axis, which in ((2, 0), (1, 1)):  # across, then down
            size = self.kernel_size[which]
            weights = bell(size, sigmas[:, which])
            edges = [(0, 0)] * 4
            edges[axis] = (size // 2, size // 2)
            padded = jnp.pad(y, edges)
            parts = [
                weights[:, k].reshape(-1, 1, 1, 1) * jax.lax.slice_in_dim(padded, k, k + x.shape[axis], axis=axis)
                for k in range(size)
            ]
            y = sum(parts[1:], parts[0])
        chosen = jnp.reshape(jnp.asarray(transformation["should_apply_blur"]), (-1, 1, 1, 1))
        return jnp.where(chosen, jnp.clip(y, *self.value_range), x)


class RandomErasing(RandomColourLayer):
    """Fills a rectangle of each image with noise or a number, with some probability, in training: Zhong et al., 2017.

    Args:
        factor: a pair of numbers within [0, 1] from which each image's probability is drawn, or f for (0, f).
        scale: a pair of numbers within [0, 1], or s for (0, s): the squares of the rectangle's sides, in parts of the
            image's, are drawn from it.
        fill_value: what the rectangle is filled with; None: normal noise times the range's upper end, cut to the range.
        value_range: the least and the greatest value of a pixel.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.
    """

    def __init__(
        self, factor: Any = 1.0, scale: Any = (0.02, 0.33), fill_value: float | None = None,
        value_range: Any = (0, 255), seed: int | None = None, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        name = type(self).__name__
        self.factor = span(name, "factor", factor, 0, 1, start=0)
        self.scale = span(name, "scale", scale, 0, 1, start=0)
        self.fill_value = fill_value
        self.value_range = value_pair(name, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``{"apply_erasing": (images,), "batch_masks": ..., "fill_value": ...}``; None when not training."""
        if not training:
            return None
        source = SeedWords(self.words(seed))
        shape = self.image_shape(data)
        shape = shape if len(shape) == 4 else (1, *shape)
        low, high = self.scale
        sides = jnp.sqrt(uniform(source.next(), (2, shape[0]), low, high))
        masks, _ = rectangles(source.next(), (shape[self.height_axis], shape[self.width_axis]), *sides)
        if self.fill_value is None:
            least, most = self.value_range
            noise = math.sqrt(2) * jax.lax.erf_inv(uniform(source.next(), shape, -1 + 2.0**-24, 1))
            fill = jnp.clip(noise * most, least, most)
        else:
            fill = jnp.full(shape, self.fill_value, jnp.float32)
        return {
            "apply_erasing": self.chosen(source.next(), shape[0]),
            "batch_masks": jnp.expand_dims(masks, self.channel_axis),
            "fill_value": fill,
        }

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images, with the fill inside the masks of those that are chosen."""
        images = jnp.asarray(images)
        dtype = jnp.dtype(self.compute_dtype)
        if not training or transformation is None:
            return images.astype(dtype)
        x = images if images.ndim == 4 else images[None]
        chosen = jnp.reshape(jnp.asarray(transformation["apply_erasing"]), (-1, 1, 1, 1))
        fill = from_floats(jnp.asarray(transformation["fill_value"]), dtype)
        y = jnp.where(chosen & transformation["batch_masks"], fill, x.astype(dtype))
        return y if images.ndim == 4 else y[0]


class SeedWords:
    """Seeds in a row from one seed: for layers that draw several tables of numbers at once."""

    def __init__(self, words: Any):
        self._words = jnp.asarray(words, jnp.uint32)
        self._count = 0

    def next(self) -> Any:
        """The next seed, two words."""
        self._count += 1
        return hash_bits(self._words ^ jnp.uint32(self._count * 0x9E3779B9 % 2**32), (2,))


class _Mixing(ImageLayer):
    """Base of layers that mix each image with another of its batch, and their labels with the same weights."""

    def __init__(self, *, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _mixed(self, values: Any, transformation: Any) -> Any:
        """w · v + (1 − w) · v of the partner, in the compute dtype."""
        values = jnp.asarray(values)
        wide = jnp.promote_types(working_dtype(values), jnp.float32)
        own = values.astype(wide)
        weight = jnp.asarray(transformation["mix_weight"], wide).reshape(-1, *(1,) * (values.ndim - 1))
        return weight * own + (1 - weight) * own[jnp.asarray(transformation["permutation_order"])]

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """w · label + (1 − w) · partner's label; labels are one-hot vectors or numbers."""
        if not training or transformation is None:
            return labels
        return self._mixed(labels, transformation).astype(self.compute_dtype)


class MixUp(_Mixing):
    """Blends each image of a batch, and its label, with those of another, in training: Zhang et al., 2018.

    Args:
        alpha: the weights come from the distribution Beta(alpha, alpha): positive; the smaller, the less is mixed.
        data_format: where the channels are.
        seed: an integer, for the same numbers in every run.

    Raises:
        ArgumentError: `alpha` that is not a positive number.

    >>> import numpy as np
    >>> batch = {"images": np.zeros((4, 8, 8, 3), "float32"), "labels": np.eye(4, dtype="float32")}
    >>> MixUp(seed=0)(batch, training=True)["labels"].sum(axis=1).round(3).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not alpha > 0:
            raise ArgumentError(f"MixUp: alpha must be a positive number. Received: alpha={alpha!r}")
        self.alpha = alpha

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``{"mix_weight": (images,), "permutation_order": (images,)}``; None when not training."""
        if not training:
            return None
        source, count = SeedWords(self.words(seed)), self.image_count(data)
        return {
            "mix_weight": jax.random.beta(source.next(), self.alpha, self.alpha, (count,), jnp.float32),
            "permutation_order": jnp.argsort(hash_bits(source.next(), (count,))),
        }

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """w · image + (1 − w) · partner."""
        images = jnp.asarray(images)
        if not training or transformation is None or images.ndim == 3:
            return images.astype(self.compute_dtype)
        return from_floats(self._mixed(images, transformation), jnp.dtype(self.compute_dtype))

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Masks (one-hot, or probabilities) mixed like the images."""
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes of both images, (images, 2 · boxes, 4), and their labels."""
        if not training or transformation is None:
            return bounding_boxes
        order = jnp.asarray(transformation["permutation_order"])
        return jax.tree.map(lambda v: jnp.concatenate([v, jnp.asarray(v)[order]], axis=1), bounding_boxes)


class CutMix(_Mixing):
    """Replaces a rectangle of each image of a batch by that of another, and labels by their parts: Yun et al., 2019.

    Args:
        factor: a pair of numbers within [0, 1], or f for (0, f): for each image an α is drawn from it, and the part of
            the image that stays from Beta(α, α).
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.
    """

    def __init__(self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = span(type(self).__name__, "factor", factor, 0, 1, start=0)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The partners, the masks of what comes from them, and the part that stays; None when nothing is mixed.

        The weight is the part of pixels that stays, so that labels say exactly what an image shows.
        """
        shape = self.image_shape(data)
        if not training or len(shape) == 3:
            return None
        source, count = SeedWords(self.words(seed)), shape[0]
        low, high = self.factor
        alpha = jnp.maximum(uniform(source.next(), (count,), low, high), 1e-3)
        side = jnp.sqrt(1 - jax.random.beta(source.next(), alpha, alpha, (count,), jnp.float32))
        masks, covered = rectangles(source.next(), (shape[self.height_axis], shape[self.width_axis]), side, side)
        return {
            "permutation_order": jnp.argsort(hash_bits(source.next(), (count,))),
            "batch_masks": jnp.expand_dims(masks, self.channel_axis),
            "mix_weight": (1 - covered).reshape(-1, 1, 1, 1),
        }

    def _cut(self, values: Any, transformation: Any) -> Any:
        partner = values[jnp.asarray(transformation["permutation_order"])]
        return jnp.where(transformation["batch_masks"], partner, values)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images with their partners' pixels inside the masks."""
        images = jnp.asarray(images).astype(self.compute_dtype)
        return images if not training or transformation is None else self._cut(images, transformation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks with their partners' inside the rectangles."""
        masks = jnp.asarray(segmentation_masks)
        return masks if not training or transformation is None else self._cut(masks, transformation)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """Refused: a box that is cut through has no honest successor."""
        raise ArgumentError("CutMix does not transform bounding boxes: leave 'bounding_boxes' out, or use MixUp.")
