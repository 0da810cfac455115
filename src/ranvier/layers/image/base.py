"""What layers that prepare images share: batched or single images, alone or with labels, boxes and masks.

A layer draws the numbers of its transformation in `get_random_transformation` (one row for each image, fresh at each
step, also inside a compiled training step) and applies them in `transform_images`, `transform_bounding_boxes` and so
on, which draw nothing: the same transformation always does the same.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core.errors import ArgumentError, ShapeError
from ...core.random import SeedGenerator, draw_seed, hash_bits
from ...core.settings import standardize_data_format
from ...ops.recording import named
from ..base import Layer

__all__ = ["ImageLayer", "interval", "uniform"]

_COMPANIONS = ("labels", "bounding_boxes", "segmentation_masks")


class ImageLayer(Layer):
    """Base of layers that prepare images; subclasses say what they draw and what they do to images.

    Inputs are images, (height, width, channels) or (batch, height, width, channels) (channels first if `data_format`
    says so), or a dict with ``"images"`` and any of ``"labels"``, ``"bounding_boxes"`` (a dict with ``"boxes"``
    (batch, boxes, 4) and ``"labels"`` (batch, boxes)) and ``"segmentation_masks"``; other keys pass through.

    Args:
        data_format: where the channels are; None: the global setting.
        bounding_box_format: how ``"boxes"`` are written, such as ``"xyxy"``; needed where there are boxes.
        seed: (of subclasses that keep it) an integer, for the same numbers in every run.

    >>> class Negative(ImageLayer):
    ...     def transform_images(self, images, transformation, training=True):
    ...         return 255 - self.floats(images)
    >>> import numpy as np
    >>> float(Negative()(np.zeros((2, 2, 3), "uint8"))[0, 0, 0])
    255.0
    """

    config_optional = Layer.config_optional | {"bounding_box_format"}
    generator: SeedGenerator

    def __init__(self, *, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.bounding_box_format = bounding_box_format

    # --- what subclasses override -----------------------------------------------------------------------------------

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The numbers of one transformation, a row for each image; None where nothing is drawn.

        Args:
            data: what the layer was called with.
            training: whether the layer is training; most random layers draw nothing otherwise.
            seed: an integer or `SeedGenerator` to draw from; None: the layer's own generator.
        """
        return None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images after `transformation`."""
        return images

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels after `transformation`: as they are, for most layers."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes, batched, after `transformation`: as they are, for layers that move nothing."""
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks after `transformation`: as they are, for layers that move nothing."""
        return segmentation_masks

    # --- calling ----------------------------------------------------------------------------------------------------

    def call(self, data: Any, training: bool = True) -> Any:
        """Images, or a dict with the images and all that goes with them, after one random transformation."""
        if isinstance(data, dict) and "images" not in data:
            raise ArgumentError(f"Layer '{self.name}': a dict of data needs 'images'. Received: keys {list(data)}")
        transformation = self.get_random_transformation(data, training=training)
        if not isinstance(data, dict):
            return self.transform_images(self._checked(data), transformation, training=training)
        if "bounding_boxes" in data and self.bounding_box_format is None and self._moves_boxes():
            raise ArgumentError(
                f"Layer '{self.name}': with bounding boxes, say how they are written: bounding_box_format='xyxy' or the like."
            )
        single = self._checked(data["images"]).ndim == 3
        results = {**data, "images": self.transform_images(data["images"], transformation, training=training)}
        for key in _COMPANIONS:
            if key not in data:
                continue
            transform = getattr(self, f"transform_{key}")
            alone = single and key == "bounding_boxes"  # boxes are transformed in batches; images and masks are not
            value = jax.tree.map(lambda v: v[None], data[key]) if alone else data[key]
            value = transform(value, transformation, training=training)
            results[key] = jax.tree.map(lambda v: v[0], value) if alone else value
        return results

    def _moves_boxes(self) -> bool:
        return type(self).transform_bounding_boxes is not ImageLayer.transform_bounding_boxes

    def _checked(self, images: Any) -> Any:
        if images.ndim not in (3, 4):
            raise ShapeError(
                f"Layer '{self.name}': images have the shape (height, width, channels) or (batch, height, width, "
                f"channels). Received: shape {tuple(images.shape)}"
            )
        return images

    def transform_single_image(self, image: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_images` of one image."""
        return self.transform_images(image[None], transformation, training=training)[0]

    def transform_single_label(self, label: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_labels` of one label."""
        return self.transform_labels(label[None], transformation, training=training)[0]

    def transform_single_bounding_box(self, bounding_box: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_bounding_boxes` of one image's boxes."""
        batch = jax.tree.map(lambda v: jnp.asarray(v)[None], bounding_box)
        return jax.tree.map(lambda v: v[0], self.transform_bounding_boxes(batch, transformation, training=training))

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any, training: bool = True
    ) -> Any:
        """`transform_segmentation_masks` of one mask."""
        return self.transform_segmentation_masks(segmentation_mask[None], transformation, training=training)[0]

    # --- for subclasses ---------------------------------------------------------------------------------------------

    def floats(self, images: Any) -> Any:
        """The images in the compute dtype."""
        return jnp.asarray(images, self.compute_dtype)

    def image_shape(self, data: Any) -> tuple[int, ...]:
        """The shape of the images in `data` (images, or a dict that holds them)."""
        return tuple((data["images"] if isinstance(data, dict) else data).shape)

    def image_count(self, data: Any) -> int:
        """How many images `data` holds: 1 for a single image without batch axis."""
        shape = self.image_shape(data)
        return shape[0] if len(shape) == 4 else 1

    @property
    def height_axis(self) -> int:
        """The axis of rows, counted from the end."""
        return -3 if self.data_format == "channels_last" else -2

    @property
    def width_axis(self) -> int:
        """The axis of columns, counted from the end."""
        return self.height_axis + 1

    @property
    def channel_axis(self) -> int:
        """The axis of channels, counted from the end."""
        return -1 if self.data_format == "channels_last" else -3

    def words(self, seed: Any = None) -> jax.Array:
        """A fresh seed of two 32-bit words, from `seed` or else from the layer's generator."""
        return draw_seed(self.generator if seed is None else seed)


@named
def uniform(words: jax.Array, shape: tuple[int, ...], low: Any = 0.0, high: Any = 1.0) -> Any:
    """Float32 numbers spread evenly over [low, high), by the counter hash: cheap inside compiled training.

    Args:
        words: the seed, of `ImageLayer.words`. One seed gives one table of numbers: what is drawn together, such as
            heights and widths, belongs in one call with a longer shape.
        shape: the shape of the result.
        low, high: the ends, numbers or arrays that broadcast to `shape`.
    """
    unit = (hash_bits(words, shape) >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)
    return unit * (jnp.asarray(high, jnp.float32) - jnp.asarray(low, jnp.float32)) + jnp.asarray(low, jnp.float32)


def interval(
    layer: str, name: str, value: Any, least: float, most: float, mirrored: bool = True
) -> tuple[float, float]:
    """The interval that a factor means: a pair as it is, a number f as (−|f|, |f|), or (0, |f|) if not `mirrored`.

    Raises:
        ArgumentError: ends outside [least, most], or in the wrong order, or not one or two numbers.
    """
    pair = isinstance(value, (tuple, list))
    ends: tuple[Any, ...] = tuple(value) if pair else (value,)
    if len(ends) != (2 if pair else 1) or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in ends):
        raise ArgumentError(f"{layer}: {name} must be a number or a pair of numbers. Received: {name}={value!r}")
    low, high = (ends[0], ends[1]) if pair else (-abs(value) if mirrored else 0, abs(value))
    if not least <= low <= high <= most:
        raise ArgumentError(
            f"{layer}: {name} must give an interval within [{least}, {most}], its lower end first. Received: {name}={value!r}"
        )
    return low, high
