"""Layers that bring images to a size: by interpolation, from the centre, or from a random place."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core.errors import ArgumentError
from ...core.random import SeedGenerator
from ...ops.image.boxes import clip_to_image_size, convert_format
from ...ops.image.layout import batched
from ...ops.image.resizing import resize
from ..checks import positive
from .base import ImageLayer, uniform
from .warps import chosen

__all__ = ["CenterCrop", "RandomCrop", "Resizing"]

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


class _Sized(ImageLayer):
    """Base of layers whose images have one size afterwards."""

    height: int
    width: int

    def _boxes(self, bounding_boxes: Any, shape: Any, scale: Any, move: Any) -> Any:
        """Boxes times `scale` plus `move`, each (x, y), of images of `shape`; clipped to the new size."""
        form: Any = self.bounding_box_format
        height, width = shape[self.height_axis], shape[self.width_axis]
        boxes = convert_format(bounding_boxes, form, "xyxy", height, width, self.compute_dtype)
        by, step = (
            jnp.stack([jnp.broadcast_to(jnp.asarray(v, self.compute_dtype), (n,)) for v in (*pair, *pair)], axis=-1)
            for pair, n in ((scale, 1), (move, jnp.size(move[0])))
        )
        found = {**boxes, "boxes": boxes["boxes"] * by[:, None] + step[:, None]}
        found = clip_to_image_size(found, self.height, self.width, "xyxy")
        return convert_format(found, "xyxy", form, self.height, self.width, self.compute_dtype)

    def _enlarged(self, images: Any) -> Any:
        """Images smaller than the window, filled by what of them has its aspect ratio."""
        return resize(images, (self.height, self.width), crop_to_aspect_ratio=True, data_format=self.data_format)

    def _fits(self, shape: Any) -> bool:
        return shape[self.height_axis] >= self.height and shape[self.width_axis] >= self.width

    def _enlarged_boxes(self, bounding_boxes: Any, shape: Any) -> Any:
        height, width = shape[self.height_axis], shape[self.width_axis]
        by, move = _fitted(height, width, self.height, self.width, crop=True)
        return self._boxes(bounding_boxes, shape, by, move)


def _fitted(height: int, width: int, new_height: int, new_width: int, crop: bool) -> tuple[Any, Any]:
    """Scale and move, (x, y) each, of what `resize` does when it crops or pads to the aspect ratio."""
    fitting_height = max(int(width * new_height / new_width), 1)
    fitting_width = max(int(height * new_width / new_height), 1)
    pick = min if crop else max
    rows, columns = pick(height, fitting_height), pick(width, fitting_width)
    top, left = (
        (height - rows) // 2 if crop else -((rows - height) // 2),
        ((width - columns) // 2 if crop else -((columns - width) // 2)),
    )
    if not crop:
        rows, columns = height - 2 * top, width - 2 * left
    by = new_width / columns, new_height / rows
    return by, (-left * by[0], -top * by[1])


class Resizing(_Sized):
    """Images in another size, by interpolation.

    Args:
        height, width: the new size.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        crop_to_aspect_ratio: cut the images' longer side to the new aspect ratio first.
        pad_to_aspect_ratio: pad their shorter side first.
        fill_mode: ``"constant"``, the only way to pad.
        fill_value: the padding.
        antialias: whether kernels widen when images shrink.
        data_format: where the channels are.

    >>> import numpy as np
    >>> Resizing(2, 3)(np.zeros((1, 4, 4, 3), "uint8")).shape
    (1, 2, 3, 3)
    """

    def __init__(
        self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0,
        antialias: bool = False, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.height = positive("Resizing", "height", height)
        self.width = positive("Resizing", "width", width)
        self.interpolation = chosen("Resizing", "interpolation", interpolation, _INTERPOLATIONS)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ArgumentError("Resizing: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other.")
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = chosen("Resizing", "fill_mode", fill_mode, ("constant",))
        self.fill_value = fill_value
        self.antialias = antialias

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The images' height and width; nothing is drawn."""
        shape = self.image_shape(data)
        return shape[self.height_axis], shape[self.width_axis]

    def _resized(self, images: Any, interpolation: str) -> Any:
        return resize(
            images, (self.height, self.width), interpolation, self.antialias, self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio, self.fill_mode, self.fill_value, self.data_format,
        )  # fmt: skip

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images in the new size: whole numbers in their own dtype, others in the compute dtype."""
        images = images if jnp.issubdtype(images.dtype, jnp.integer) else self.floats(images)
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks in the new size: the class of the nearest pixel."""
        return self._resized(segmentation_masks, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes in the new size."""
        height, width = transformation
        if self.crop_to_aspect_ratio or self.pad_to_aspect_ratio:
            by, move = _fitted(height, width, self.height, self.width, self.crop_to_aspect_ratio)
        else:
            by, move = (self.width / width, self.height / height), (0.0, 0.0)
        shape = (height, width, 1) if self.data_format == "channels_last" else (1, height, width)
        return self._boxes(bounding_boxes, shape, by, move)


class CenterCrop(_Sized):
    """The middle of images; images smaller than it are enlarged first.

    Args:
        height, width: the size of the part.
        data_format: where the channels are.

    >>> import numpy as np
    >>> CenterCrop(1, 2)(np.arange(12.0).reshape(3, 4, 1))[..., 0].tolist()
    [[5.0, 6.0]]
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.height = positive("CenterCrop", "height", height)
        self.width = positive("CenterCrop", "width", width)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The images' shape; nothing is drawn."""
        return {"input_shape": self.image_shape(data)}

    def _start(self, shape: Any) -> tuple[int, int]:
        return (shape[self.height_axis] - self.height) // 2, (shape[self.width_axis] - self.width) // 2

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The middle, in the compute dtype."""
        images = self.floats(images)
        if not self._fits(images.shape):
            return self._enlarged(images)
        x, back = batched(images, self.data_format)
        top, left = self._start(images.shape)
        return back(x[:, top : top + self.height, left : left + self.width])

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The middle of the masks."""
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes as seen in the middle."""
        shape = transformation["input_shape"]
        if not self._fits(shape):
            return self._enlarged_boxes(bounding_boxes, shape)
        top, left = self._start(shape)
        return self._boxes(bounding_boxes, shape, (1, 1), (-left, -top))


class RandomCrop(_Sized):
    """A part of each image from its own random place, in training; outside training the images as they are.

    Args:
        height, width: the size of the part; images smaller than it are enlarged.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.
    """

    def __init__(
        self, height: int, width: int, seed: int | None = None, data_format: str | None = None, name: str | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, name=name, **kwargs)
        self.height = positive("RandomCrop", "height", height)
        self.width = positive("RandomCrop", "width", width)
        self.generator = SeedGenerator(seed)
        self.seed = self.generator.seed

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The first row and the first column of the part, (images,) each (0 if the images are too small)."""
        shape = self.image_shape(data)
        if not training or not self._fits(shape):
            return 0, 0
        spare = [shape[self.height_axis] - self.height + 1, shape[self.width_axis] - self.width + 1]
        unit = uniform(self.words(seed), (2, self.image_count(data)))
        rows, columns = (jnp.floor(u * n).astype(jnp.int32) for u, n in zip(unit, spare, strict=True))
        return rows, columns

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The parts, in the compute dtype."""
        if not training:
            return images
        images = self.floats(images)
        if not self._fits(images.shape):
            return self._enlarged(images)
        x, back = batched(images, self.data_format)
        top, left = (jnp.broadcast_to(jnp.reshape(jnp.asarray(v), (-1,)), x.shape[:1]) for v in transformation)
        size = (self.height, self.width, x.shape[-1])
        return back(jax.vmap(lambda image, i, j: jax.lax.dynamic_slice(image, (i, j, 0), size))(x, top, left))

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The same parts of the masks."""
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes as seen in the parts."""
        if not training:
            return bounding_boxes
        form: Any = self.bounding_box_format
        if form.startswith("rel_"):
            raise ArgumentError(
                f"RandomCrop moves boxes in pixels. Received: bounding_box_format={form!r}; convert them first."
            )
        top, left = transformation
        boxes = convert_format(bounding_boxes, form, "xyxy", dtype=self.compute_dtype)
        step = jnp.stack([jnp.reshape(jnp.asarray(v, self.compute_dtype), (-1,)) for v in (left, top, left, top)], -1)
        found = clip_to_image_size({**boxes, "boxes": boxes["boxes"] - step[:, None]}, self.height, self.width, "xyxy")
        return convert_format(found, "xyxy", form, dtype=self.compute_dtype)
