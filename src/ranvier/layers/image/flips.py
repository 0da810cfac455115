"""A layer that mirrors images at random."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.random import SeedGenerator
from ...ops.image.boxes import clip_to_image_size, convert_format
from .base import ImageLayer, uniform
from .warps import chosen

__all__ = ["RandomFlip"]

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(ImageLayer):
    """Mirrors every other image, by chance, in training.

    Args:
        mode: ``"horizontal"`` (left and right change places), ``"vertical"`` or ``"horizontal_and_vertical"`` (both at
            once: half a turn).
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.

    >>> import numpy as np
    >>> layer = RandomFlip("horizontal", seed=0)
    >>> found = [layer(np.arange(3.0).reshape(1, 3, 1))[0, :, 0].tolist() for _ in range(9)]
    >>> sorted(set(map(tuple, found)))
    [(0.0, 1.0, 2.0), (2.0, 1.0, 0.0)]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.mode = chosen("RandomFlip", "mode", mode, _MODES)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``"flips"``, a boolean for each image."""
        if not training:
            return None
        shape = self.image_shape(data)
        flips = uniform(self.words(seed), (shape[0], 1, 1, 1) if len(shape) == 4 else (1, 1, 1)) <= 0.5
        return {"flips": flips, "input_shape": shape}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images, some of them mirrored, in the compute dtype."""
        images = self.floats(images)
        if not training or transformation is None:
            return images
        axes = [a for a, word in ((self.width_axis, "horizontal"), (self.height_axis, "vertical")) if word in self.mode]
        return jnp.where(transformation["flips"], jnp.flip(images, axes), images)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks, mirrored with their images."""
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes, mirrored with their images."""
        if not training or transformation is None:
            return bounding_boxes
        shape = transformation["input_shape"]
        height, width = shape[self.height_axis], shape[self.width_axis]
        form: Any = self.bounding_box_format
        boxes = convert_format(bounding_boxes, form, "xyxy", height, width, self.compute_dtype)
        x1, y1, x2, y2 = (boxes["boxes"][..., i] for i in range(4))
        if "horizontal" in self.mode:
            x1, x2 = width - x2, width - x1
        if "vertical" in self.mode:
            y1, y2 = height - y2, height - y1
        flips = jnp.reshape(transformation["flips"], (-1, 1, 1))
        found = jnp.where(flips, jnp.stack([x1, y1, x2, y2], axis=-1), boxes["boxes"])
        boxes = clip_to_image_size({**boxes, "boxes": found}, height, width, "xyxy")
        return convert_format(boxes, "xyxy", form, height, width, self.compute_dtype)
