"""A layer that gives every image the same number of bounding boxes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..checks import positive
from .base import ImageLayer

__all__ = ["MaxNumBoundingBoxes"]


class MaxNumBoundingBoxes(ImageLayer):
    """Cuts or pads bounding boxes to the same number for each image.

    Args:
        max_number: how many boxes.
        fill_value: what boxes and labels that are added consist of.
    """

    config_if_changed = ImageLayer.config_if_changed | {"fill_value"}

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number = positive("MaxNumBoundingBoxes", "max_number", max_number)
        self.fill_value = fill_value

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """`max_number` boxes and labels for each image."""

        def counted(value: Any) -> Any:
            value = jnp.asarray(value)[:, : self.max_number]
            edges = [(0, self.max_number - value.shape[1] if axis == 1 else 0) for axis in range(value.ndim)]
            return jnp.pad(value, edges, constant_values=self.fill_value)

        return {**bounding_boxes, **{k: counted(bounding_boxes[k]) for k in ("boxes", "labels")}}
