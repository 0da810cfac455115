"""Layers that turn, move, zoom and shear images at random: an affine map for each image."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError
from ...core.random import SeedGenerator
from ...ops.image.boxes import around, clip_to_image_size, convert_format, corners_of
from ...ops.image.layout import batched
from ...ops.image.separable import sample_separable
from ...ops.image.warping import sample
from .base import ImageLayer, interval, uniform

__all__ = ["RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom", "chosen"]

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")
_ORDERS = {"nearest": 0, "bilinear": 1}


def chosen(layer: str, name: str, value: Any, choices: Any) -> Any:
    """`value`, refused unless it is one of `choices`."""
    if value not in choices:
        raise ArgumentError(f"{layer}: {name} must be one of {', '.join(choices)}. Received: {name}={value!r}")
    return value


class _Warp(ImageLayer):
    """Base of layers with an affine map from output to input for each image; subclasses say which.

    Args:
        fill_mode: beyond the edges: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: an integer, for the same numbers in every run.
        fill_value: the constant.
        data_format: where the channels are.
    """

    turned = False  # whether rows of the output cross rows of the input

    def _set_up(self, fill_mode: str, interpolation: str, seed: int | None, fill_value: float) -> None:
        layer = type(self).__name__
        self.fill_mode = chosen(layer, "fill_mode", fill_mode, _FILL_MODES)
        self.interpolation = chosen(layer, "interpolation", interpolation, _ORDERS)
        self.fill_value = fill_value
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _map(self, transformation: Any, height: int, width: int) -> tuple[Any, ...]:
        """a₀, a₁, a₂, b₀, b₁, b₂ of (x, y) → (a₀x + a₁y + a₂, b₀x + b₁y + b₂), each (images,) or a number."""
        return 1.0, 0.0, 0.0, 0.0, 1.0, 0.0

    def _warped(self, images: Any, transformation: Any, interpolation: str) -> Any:
        x, back = batched(images, self.data_format)
        height, width = x.shape[1:3]
        a0, a1, a2, b0, b1, b2 = (
            jnp.broadcast_to(jnp.asarray(v, jnp.float32), (x.shape[0],)).reshape(-1, 1)
            for v in self._map(transformation, height, width)
        )
        columns, rows = (jnp.arange(n, dtype=jnp.float32)[None] for n in (width, height))
        how = (_ORDERS[interpolation], self.fill_mode, self.fill_value)
        if not self.turned:
            return back(sample_separable(x, b1 * rows + b2, a0 * columns + a2, *how))
        across, down = columns[:, None, :], rows[:, :, None]
        a0, a1, a2, b0, b1, b2 = (v[..., None] for v in (a0, a1, a2, b0, b1, b2))
        return back(sample(x, b0 * across + b1 * down + b2, a0 * across + a1 * down + a2, *how))

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images under the maps, in the compute dtype."""
        images = self.floats(images)
        if not training or transformation is None:
            return images
        return self._warped(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks under the maps: the class of the nearest pixel."""
        if not training or transformation is None:
            return segmentation_masks
        return self._warped(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The upright boxes around the moved ones, clipped to the image."""
        if not training or transformation is None:
            return bounding_boxes
        height, width = self._image_size(transformation)
        a0, a1, a2, b0, b1, b2 = (
            v.reshape(-1, 1, 1) if jnp.ndim(v) else v for v in self._map(transformation, height, width)
        )
        form: Any = self.bounding_box_format
        boxes = convert_format(bounding_boxes, form, "xyxy", height, width, self.compute_dtype)
        x, y = corners_of(boxes["boxes"].astype(jnp.float32))
        x, y = x - a2, y - b2
        size = a0 * b1 - a1 * b0  # the map goes from output to input: boxes take its inverse
        moved = around((b1 * x - a1 * y) / size, (a0 * y - b0 * x) / size).astype(self.compute_dtype)
        boxes = clip_to_image_size({**boxes, "boxes": moved}, height, width, "xyxy")
        return convert_format(boxes, "xyxy", form, height, width, self.compute_dtype)

    def _image_size(self, transformation: Any) -> tuple[int, int]:
        shape = transformation["input_shape"]
        return shape[self.height_axis], shape[self.width_axis]


class RandomRotation(_Warp):
    """Turns each image by its own random angle around its middle, in training.

    Args:
        factor: the largest angle in full turns, either way; or (smallest, largest), counterclockwise.
        fill_mode: beyond the edges: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: an integer, for the same numbers in every run.
        fill_value: the constant.
        data_format: where the channels are.
    """

    turned = True

    def __init__(
        self, factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: int | None = None,
        fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("RandomRotation", "factor", factor, -1, 1)
        self._set_up(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``"angle"`` in degrees and ``"rotation_matrix"``, for each image."""
        if not training:
            return None
        shape, images = self.image_shape(data), self.image_count(data)
        height, width = shape[self.height_axis], shape[self.width_axis]
        angle = uniform(self.words(seed), (images,), self.factor[0] * 360, self.factor[1] * 360)
        turn = angle * (math.pi / 180)
        cosine, sine = jnp.cos(turn), jnp.sin(turn)
        x, y = (width - 1) / 2, (height - 1) / 2
        nothing = jnp.zeros_like(cosine)
        rows = [cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y, nothing, nothing]
        return {
            "angle": angle, "rotation_matrix": jnp.stack(rows, axis=-1), "image_height": height, "image_width": width,
            "batch_size": images, "input_shape": shape,
        }  # fmt: skip

    def _map(self, transformation: Any, height: int, width: int) -> tuple[Any, ...]:
        matrix = jnp.reshape(transformation["rotation_matrix"], (-1, 8))
        return tuple(matrix[:, i] for i in range(6))

    def _image_size(self, transformation: Any) -> tuple[int, int]:
        return transformation["image_height"], transformation["image_width"]


class RandomTranslation(_Warp):
    """Moves each image by its own random distance, in training.

    Args:
        height_factor: the largest move down or up, in heights; or (smallest, largest), down being positive.
        width_factor: the same to the right or left, in widths.
        fill_mode: beyond the edges: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: an integer, for the same numbers in every run.
        fill_value: the constant.
        data_format: where the channels are.
    """

    def __init__(
        self, height_factor: Any, width_factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear",
        seed: int | None = None, fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self._rows = _range("RandomTranslation", "height_factor", height_factor)
        self._columns = _range("RandomTranslation", "width_factor", width_factor)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._set_up(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``"translations"``, (images, 2): pixels to the right and down."""
        if not training:
            return None
        shape = self.image_shape(data)
        size = shape[self.width_axis], shape[self.height_axis]
        low, high = ([e[i] * n for e, n in zip((self._columns, self._rows), size, strict=True)] for i in (0, 1))
        moves = uniform(self.words(seed), (self.image_count(data), 2), jnp.array(low), jnp.array(high))
        return {"translations": moves, "input_shape": shape}

    def _map(self, transformation: Any, height: int, width: int) -> tuple[Any, ...]:
        moves = transformation["translations"]
        return 1.0, 0.0, -moves[:, 0], 0.0, 1.0, -moves[:, 1]


class RandomZoom(_Warp):
    """Zooms each image by its own random factor, in training.

    Args:
        height_factor: 0.2 shows from 0.8 to 1.2 of the height (below 1 zooms in); or (smallest, largest) change.
        width_factor: the same for the width; None: the height's factor, which keeps the aspect ratio.
        fill_mode: beyond the edges: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: an integer, for the same numbers in every run.
        fill_value: the constant.
        data_format: where the channels are.
    """

    def __init__(
        self, height_factor: Any, width_factor: Any = None, fill_mode: str = "reflect",
        interpolation: str = "bilinear", seed: int | None = None, fill_value: float = 0.0,
        data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self._rows = _range("RandomZoom", "height_factor", height_factor)
        self._columns = None if width_factor is None else _range("RandomZoom", "width_factor", width_factor)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._set_up(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``"height_zoom"`` and ``"width_zoom"``, (images, 1) each: how much of the size is shown."""
        if not training:
            return None
        shape, images = self.image_shape(data), self.image_count(data)
        unit = uniform(self.words(seed), (2, images, 1))
        (low, high), both = self._rows, self._columns
        rows = 1 + low + (high - low) * unit[0]
        columns = rows if both is None else 1 + both[0] + (both[1] - both[0]) * unit[1]
        return {"height_zoom": rows, "width_zoom": columns, "input_shape": shape}

    def _map(self, transformation: Any, height: int, width: int) -> tuple[Any, ...]:
        rows, columns = transformation["height_zoom"][:, 0], transformation["width_zoom"][:, 0]
        return columns, 0.0, (width - 1) / 2 * (1 - columns), 0.0, rows, (height - 1) / 2 * (1 - rows)


class RandomShear(_Warp):
    """Shears each image by its own random factors, in training.

    Args:
        x_factor: rows move by up to this factor of their distance from the top; or (smallest, largest), to either
            side.
        y_factor: the same for columns, of their distance from the left.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: beyond the edges: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        fill_value: the constant.
        data_format: where the channels are.
        seed: an integer, for the same numbers in every run.
    """

    turned = True

    def __init__(
        self, x_factor: Any = 0.0, y_factor: Any = 0.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
        fill_value: float = 0.0, data_format: str | None = None, seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor = _shear("x_factor", x_factor)
        self.y_factor = _shear("y_factor", y_factor)
        self._set_up(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """``"shear_factor"``, (images, 2): along x and along y, drawn from the range and given a random sign."""
        if not training:
            return None
        unit = uniform(self.words(seed), (3, self.image_count(data)))
        sign = jnp.where(unit[2] < 0.5, -1.0, 1.0).astype(jnp.float32)
        both = [
            sign * (low + (high - low) * u)
            for (low, high), u in zip((self.x_factor, self.y_factor), unit, strict=False)
        ]
        return {"shear_factor": jnp.stack(both, axis=-1), "input_shape": self.image_shape(data)}

    def _map(self, transformation: Any, height: int, width: int) -> tuple[Any, ...]:
        factors = transformation["shear_factor"]
        x, y = factors[:, 0], factors[:, 1]
        return 1.0, x, 0.0, y, 1.0, 0.0


def _range(layer: str, name: str, value: Any) -> tuple[float, float]:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        value = tuple(sorted(value))
    return interval(layer, name, value, -1, 1)


def _shear(name: str, value: Any) -> tuple[float, float]:
    """A pair from 0 to 1 as given; a number f as (−f, f)."""
    if isinstance(value, (tuple, list)):
        # A config holds what a number became: (−f, f).
        least = -1 if len(value) == 2 and value[0] == -value[1] else 0
        return interval("RandomShear", name, tuple(value), least, 1)
    low, high = interval("RandomShear", name, value, -1, 1)
    if value < 0:
        raise ArgumentError(f"RandomShear: {name} must be at least 0. Received: {name}={value!r}")
    return low, high
