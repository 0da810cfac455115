"""Layers that tilt and crumple images at random."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError
from ...core.random import SeedGenerator
from ...ops.image.boxes import around, clip_to_image_size, convert_format, corners_of
from ...ops.image.layout import batched
from ...ops.image.warping import displaced, perspective_transform, projection
from .base import ImageLayer, interval, uniform
from .warps import chosen

__all__ = ["RandomElasticTransform", "RandomPerspective"]

_INTERPOLATIONS = ("nearest", "bilinear")
_FILL_MODES = ("reflect", "wrap", "constant", "nearest")


def applied(unit: Any, factor: tuple[float, float]) -> Any:
    """True for each image with its own probability, drawn from `factor`; `unit` (2, images) from 0 to 1."""
    return unit[0] < factor[0] + (factor[1] - factor[0]) * unit[1]


def where_applied(flags: Any, changed: Any, images: Any) -> Any:
    """The changed images where flags, (images,), are True."""
    return jnp.where(jnp.reshape(flags, (-1, 1, 1, 1) if images.ndim == 4 else (1, 1, 1)), changed, images)


class RandomPerspective(ImageLayer):
    """Shows images from random directions, with some probability, in training.

    Args:
        factor: a pair within [0, 1] from which each image's probability is drawn; a number f means (0, f).
        scale: how far corners move at most, in parts of the image; from 0 to 1.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_value: the value beyond the edges.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.
    """

    def __init__(
        self, factor: Any = 1.0, scale: float = 1.0, interpolation: str = "bilinear", fill_value: float = 0.0,
        seed: int | None = None, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("RandomPerspective", "factor", factor, 0, 1, mirrored=False)
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 <= scale <= 1:
            raise ArgumentError(f"RandomPerspective: scale must be a number from 0 to 1. Received: scale={scale!r}")
        self.scale = scale
        self.interpolation = chosen("RandomPerspective", "interpolation", interpolation, _INTERPOLATIONS)
        self.fill_value = fill_value
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``"apply_perspective"`` (images,), and ``"start_points"`` and ``"end_points"`` (images, 4, 2), as (x, y)."""
        if not training:
            return None
        shape, images = self.image_shape(data), self.image_count(data)
        x, y = shape[self.width_axis] - 1.0, shape[self.height_axis] - 1.0
        start = jnp.broadcast_to(jnp.array([[0.0, 0.0], [x, 0.0], [0.0, y], [x, y]], jnp.float32), (images, 4, 2))
        unit = uniform(self.words(seed), (10, images))
        moves = 1 + self.scale * (unit[2:].T.reshape(images, 4, 2) - 0.5)
        return {
            "apply_perspective": applied(unit, self.factor), "start_points": start, "end_points": start * moves,
            "input_shape": shape,
        }  # fmt: skip

    def _tilted(self, images: Any, transformation: Any, interpolation: str) -> Any:
        points = [transformation[k] for k in ("start_points", "end_points")]
        start, end = (p[0] for p in points) if images.ndim == 3 else points
        changed = perspective_transform(images, start, end, interpolation, self.fill_value, self.data_format)
        return where_applied(transformation["apply_perspective"], changed, images)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The tilted images, in the compute dtype."""
        images = self.floats(images)
        if not training or transformation is None:
            return images
        return self._tilted(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The tilted masks: the class of the nearest pixel."""
        if not training or transformation is None:
            return segmentation_masks
        return self._tilted(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The upright boxes around the tilted ones, clipped to the image."""
        if not training or transformation is None:
            return bounding_boxes
        shape = transformation["input_shape"]
        height, width = shape[self.height_axis], shape[self.width_axis]
        form: Any = self.bounding_box_format
        boxes = convert_format(bounding_boxes, form, "xyxy", height, width, self.compute_dtype)
        # From input to output: the projection the other way round.
        m = projection(transformation["end_points"], transformation["start_points"], max(height, width))
        x, y = corners_of(boxes["boxes"].astype(jnp.float32))
        a0, a1, a2, b0, b1, b2, c0, c1 = (m[:, i, None, None] for i in range(8))
        k = c0 * x + c1 * y + 1
        moved = around((a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k).astype(self.compute_dtype)
        flags = jnp.reshape(transformation["apply_perspective"], (-1, 1, 1))
        boxes = {**boxes, "boxes": jnp.where(flags, moved, boxes["boxes"])}
        boxes = clip_to_image_size(boxes, height, width, "xyxy")
        return convert_format(boxes, "xyxy", form, height, width, self.compute_dtype)


class RandomElasticTransform(ImageLayer):
    """Crumples images with some probability, in training: Simard et al., 2003, section 2.

    Args:
        factor: a pair within [0, 1] from which each image's probability is drawn; a number f means (0, f).
        scale: a pair of strengths between which each call's is drawn; a number s means (0, s).
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: beyond the edges: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        fill_value: the constant.
        value_range: the least and the greatest value of a pixel, to which results are clipped.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.
    """

    def __init__(
        self, factor: Any = 1.0, scale: Any = 1.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
        fill_value: float = 0.0, value_range: Any = (0, 255), seed: int | None = None, data_format: str | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        layer = "RandomElasticTransform"
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval(layer, "factor", factor, 0, 1, mirrored=False)
        self.scale = interval(layer, "scale", scale, 0, 1, mirrored=False)
        self.interpolation = chosen(layer, "interpolation", interpolation, _INTERPOLATIONS)
        self.fill_mode = chosen(layer, "fill_mode", fill_mode, _FILL_MODES)
        self.fill_value = fill_value
        self.value_range = value_range
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``"apply_transform"`` (images,), ``"distortion_factor"`` (a number for all), and ``"seed"`` for the noise."""
        if not training:
            return None
        words = self.words(seed)
        unit = uniform(words, (2, self.image_count(data) + 1))
        low, high = self.scale
        noise = jnp.stack([words[0] ^ jnp.uint32(0x5EED), words[1]])
        return {
            "apply_transform": applied(unit[:, 1:], self.factor),
            "distortion_factor": low + (high - low) * unit[0, 0],
            "seed": noise, "input_shape": self.image_shape(data),
        }  # fmt: skip

    def get_elastic_transform_params(self, height: int, width: int, factor: Any) -> tuple[Any, Any]:
        """How far pixels move, α = max(height, width) · factor / 10, and how smoothly, σ = min(height, width) · factor / 20."""
        return max(height, width) * 0.1 * factor, min(height, width) * 0.05 * factor

    def _crumpled(self, images: Any, transformation: Any, interpolation: str) -> Any:
        x, back = batched(images, self.data_format)
        height, width = x.shape[1:3]
        alpha, sigma = self.get_elastic_transform_params(
            height, width, jnp.maximum(transformation["distortion_factor"], 1e-3)
        )
        widest = self.get_elastic_transform_params(height, width, self.scale[1])[1]
        # Normal numbers from uniform ones: Box & Muller, 1958.
        unit = uniform(transformation["seed"], (2, *x.shape[:3]))
        length, angle = jnp.sqrt(-2 * jnp.log(1 - unit[0])), 2 * math.pi * unit[1]
        noise = length * jnp.cos(angle), length * jnp.sin(angle)
        order = _INTERPOLATIONS.index(interpolation)
        changed = displaced(x, noise, alpha, sigma, int(6 * widest) | 1, order, self.fill_mode, self.fill_value)
        return where_applied(transformation["apply_transform"], back(changed), images)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The crumpled images, clipped to `value_range`, in the compute dtype."""
        images = self.floats(images)
        if not training or transformation is None:
            return images
        return jnp.clip(self._crumpled(images, transformation, self.interpolation), *self.value_range)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The crumpled masks: the class of the nearest pixel."""
        if not training or transformation is None:
            return segmentation_masks
        return self._crumpled(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """Refused: a crumpled box is no box."""
        raise ArgumentError(f"Layer '{self.name}' cannot move bounding boxes: what it crumples is no box afterwards.")
