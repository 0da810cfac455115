"""Layers that apply other image layers, chosen by chance: colour jitter, RandAugment and AugMix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ...core.budgets import charge_objects
from ...core.errors import ArgumentError
from ...core.random import SeedGenerator, hash_bits
from ...ops.image.layout import from_floats, working_dtype
from .base import ImageLayer
from .colour import span, value_pair
from .mixing import SeedWords
from .random_colour import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomHue,
    RandomPosterization,
    RandomSaturation,
    RandomSharpness,
)
from .tones import AutoContrast, Equalization, Solarization
from .warps import RandomRotation, RandomShear, RandomTranslation

__all__ = ["AugMix", "RandAugment", "RandomColorJitter"]


class RandomColorJitter(ImageLayer):
    """Changes brightness, contrast, saturation and hue, in this order, each as its own layer does, in training.

    Args:
        value_range: the least and the greatest value of a pixel.
        brightness_factor: of `RandomBrightness`; None, here and below: left as it is.
        contrast_factor: of `RandomContrast`.
        saturation_factor: of `RandomSaturation`.
        hue_factor: of `RandomHue`.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels are.
    """

    def __init__(
        self, value_range: Any = (0, 255), brightness_factor: Any = None, contrast_factor: Any = None,
        saturation_factor: Any = None, hue_factor: Any = None, seed: int | None = None, data_format: str | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_pair(type(self).__name__, value_range)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        self.seed = seed
        self.generator = SeedGenerator(seed)
        kinds = (
            (RandomBrightness, brightness_factor), (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor), (RandomHue, hue_factor),
        )  # fmt: skip
        common: dict[str, Any] = {"data_format": data_format, "dtype": self.dtype_policy}
        self.parts: list[Any] = [
            kind(factor=factor, value_range=value_range, **common) for kind, factor in kinds if factor is not None
        ]

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The transformation of each part, in order; None when not training."""
        if not training:
            return None
        source = SeedWords(self.words(seed))
        return [part.get_random_transformation(data, True, seed=source.next()) for part in self.parts]

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images after each part."""
        images = self.floats(images)
        if training and transformation is not None:
            for part, drawn in zip(self.parts, transformation, strict=True):
                images = part.transform_images(images, drawn)
        return images


def _whole(layer: str, name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{layer}: {name} must be an integer of at least {least}. Received: {name}={value!r}")
    charge_objects(f"{layer}: {name}={value}", value)
    return value


class _Policy(ImageLayer):
    """Base of layers that apply steps, each one of `parts`, chosen at random.

    A transformation holds for each step which part it is and the seed from which that part draws its own numbers, so
    that only what is chosen is drawn and computed, also inside compiled training.
    """

    parts: list[Any]

    def _set_up(self, factor: Any, value_range: Any, interpolation: str, seed: int | None) -> None:
        name = type(self).__name__
        self.value_range = value_pair(name, value_range)
        self.factor = span(name, "factor", factor, 0, 1, start=0)
        self.interpolation = interpolation
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _make_parts(self, colours: bool) -> list[Any]:
        both = self.factor
        common: dict[str, Any] = {
            "data_format": self.data_format, "dtype": self.dtype_policy, "bounding_box_format": self.bounding_box_format,
        }  # fmt: skip
        moved = {"interpolation": self.interpolation, **common}
        toned = {"value_range": self.value_range, **common}
        parts: list[Any] = [
            RandomShear(x_factor=both, y_factor=both, **moved),
            RandomTranslation(height_factor=both, width_factor=both, **moved),
            RandomRotation(factor=both, **moved),
            Solarization(addition_factor=both, threshold_factor=both, **toned),
            RandomPosterization(factor=(1, max(1, int(8 * both[1]))), **toned),
            AutoContrast(**toned),
            Equalization(**toned),
        ]
        if colours:
            kinds = RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness
            parts += [kind(factor=both, **toned) for kind in kinds]
        return parts

    def _steps(self, words: Any, shape: tuple[int, ...], below: int) -> dict[str, Any]:
        """For each step the number of a part, and a seed."""
        source = SeedWords(words)
        return {
            "layer_idxes": (hash_bits(source.next(), shape) % jnp.uint32(max(below, 1))).astype(jnp.int32),
            "seeds": hash_bits(source.next(), (*shape, 2)),
        }

    def _after(self, values: Any, index: Any, seeds: Any, transformation: Any, method: str) -> Any:
        """`values` after steps one after another: part number `index[i]` with seed `seeds[i]`; no part, no change."""
        data = jax.ShapeDtypeStruct(transformation["input_shape"], jnp.float32)

        def applied(part: Any) -> Callable[[Any, Any], Any]:
            def apply(values: Any, seed: Any) -> Any:
                drawn = part.get_random_transformation(data, True, seed=seed)
                after = getattr(part, method)(values, drawn, training=True)
                return jax.tree.map(lambda new, old: new.astype(old.dtype), after, values)

            return apply

        branches = [*(applied(part) for part in self.parts), lambda values, seed: values]
        if not isinstance(index, Tracer) and not isinstance(jax.tree.leaves(values)[0], Tracer):
            for i, number in enumerate(index.tolist()):  # nothing to compile
                values = branches[number](values, seeds[i])
            return values
        step = lambda values, one: (jax.lax.switch(one[0], branches, values, one[1]), None)  # noqa: E731
        return jax.lax.scan(step, values, (index, seeds))[0]


class RandAugment(_Policy):
    """Applies `num_ops` of eleven changes of geometry and colour, in training: Cubuk et al., 2020, *RandAugment*.

    Which changes they are is drawn anew for each batch, how strong they are for each image.

    Args:
        value_range: the least and the greatest value of a pixel.
        num_ops: how many changes follow each other.
        factor: their strength: a pair of numbers within [0, 1] to draw from, or f for (0, f).
        interpolation: ``"nearest"`` or ``"bilinear"``, for geometry.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels (3 or 1) are.

    Raises:
        ArgumentError: an argument that is not as described.
    """

    def __init__(
        self, value_range: Any = (0, 255), num_ops: int = 2, factor: Any = 0.5, interpolation: str = "bilinear",
        seed: int | None = None, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.num_ops = _whole(type(self).__name__, "num_ops", num_ops, 0)
        self._set_up(factor, value_range, interpolation, seed)
        self.parts = self._make_parts(colours=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Numbers of `parts`, a seed for each, and the images' shape; None when not training."""
        if not training:
            return None
        steps = self._steps(self.words(seed), (self.num_ops,), len(self.parts))
        return {**steps, "input_shape": self.image_shape(data)}

    def _all(self, values: Any, transformation: Any, method: str) -> Any:
        return self._after(values, transformation["layer_idxes"], transformation["seeds"], transformation, method)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images after all steps."""
        images = self.floats(images)
        if not training or transformation is None:
            return images
        return self._all(images, transformation, "transform_images")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks after those steps that move pixels."""
        if not training or transformation is None:
            return segmentation_masks
        return self._all(jnp.asarray(segmentation_masks), transformation, "transform_segmentation_masks")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes after those steps that move pixels."""
        if not training or transformation is None:
            return bounding_boxes
        floats = lambda v: v.astype(self.compute_dtype) if jnp.issubdtype(v.dtype, jnp.floating) else v  # noqa: E731
        boxes = jax.tree.map(lambda v: floats(jnp.asarray(v)), bounding_boxes)
        return self._all(boxes, transformation, "transform_bounding_boxes")


class AugMix(_Policy):
    """Blends images with a mixture of chains of random changes, in training: Hendrycks et al., 2020, *AugMix*.

    Each of `num_chains` chains applies 1 to `chain_depth` changes; their results are mixed with weights from
    Dirichlet(α, …, α) and the mixture with the image with a weight from Beta(α, α), for each image anew. Boxes stay.

    Args:
        value_range: the least and the greatest value of a pixel.
        num_chains: how many chains are mixed.
        chain_depth: how many changes a chain has at most.
        factor: their strength: a pair of numbers within [0, 1] to draw from, or f for (0, f).
        alpha: of the distributions of weights, positive.
        all_ops: whether changes include brightness, colour, contrast and sharpness.
        interpolation: ``"nearest"`` or ``"bilinear"``, for geometry.
        seed: an integer, for the same numbers in every run.
        data_format: where the channels (3 or 1) are.

    Raises:
        ArgumentError: an argument that is not as described.
    """

    def __init__(
        self, value_range: Any = (0, 255), num_chains: int = 3, chain_depth: int = 3, factor: Any = 0.3,
        alpha: float = 1.0, all_ops: bool = True, interpolation: str = "bilinear", seed: int | None = None,
        data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        name = type(self).__name__
        self.num_chains = _whole(name, "num_chains", num_chains, 1)
        self.chain_depth = _whole(name, "chain_depth", chain_depth, 1)
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not alpha > 0:
            raise ArgumentError(f"{name}: alpha must be a positive number. Received: alpha={alpha!r}")
        self.alpha = alpha
        self.all_ops = bool(all_ops)
        self._set_up(factor, value_range, interpolation, seed)
        self.parts = self._make_parts(colours=self.all_ops)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Parts and seeds (chains, steps), weights of chains and images, and the shape; None when not training."""
        if not training:
            return None
        source, count = SeedWords(self.words(seed)), self.image_count(data)
        steps = self._steps(source.next(), (self.num_chains, self.chain_depth), len(self.parts))
        depth = 1 + hash_bits(source.next(), (self.num_chains, 1)) % jnp.uint32(self.chain_depth)
        beyond = jnp.arange(self.chain_depth, dtype=jnp.uint32) >= depth
        parts = jax.random.gamma(source.next(), self.alpha, (count, self.num_chains), jnp.float32)
        return {
            "chain_mixing_weights": parts / jnp.maximum(jnp.sum(parts, axis=1, keepdims=True), 1e-30),
            "weight_sample": jax.random.beta(source.next(), self.alpha, self.alpha, (count,), jnp.float32),
            "layer_idxes": jnp.where(beyond, len(self.parts), steps["layer_idxes"]),
            "seeds": steps["seeds"],
            "input_shape": self.image_shape(data),
        }

    def _blended(self, values: Any, transformation: Any, method: str) -> Any:
        """m · v + (1 − m) · Σ wₖ chainₖ(v)."""
        wide = working_dtype(values)
        column = (-1, *(1,) * (values.ndim - 1)) if len(transformation["input_shape"]) == 4 else (1,) * values.ndim
        weights = jnp.asarray(transformation["chain_mixing_weights"], wide)

        def add(mixture: Any, one: Any) -> Any:
            index, seeds, weight = one
            chain = self._after(values, index, seeds, transformation, method)
            return mixture + weight.reshape(column) * chain.astype(wide), None

        mixture: Any = jnp.zeros(values.shape, wide)
        chains = transformation["layer_idxes"], transformation["seeds"], weights.T
        if any(isinstance(v, Tracer) for v in (values, *chains)):
            mixture = jax.lax.scan(add, mixture, chains)[0]  # one chain is compiled, not all
        else:
            for one in zip(*chains, strict=True):
                mixture, _ = add(mixture, one)
        own = jnp.asarray(transformation["weight_sample"], wide).reshape(column)
        return from_floats(own * values.astype(wide) + (1 - own) * mixture, values.dtype)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The blend of images and chains."""
        images = self.floats(images)
        if not training or transformation is None:
            return images
        return self._blended(images, transformation, "transform_images")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Masks (one-hot, or probabilities) moved and blended like the images."""
        if not training or transformation is None:
            return segmentation_masks
        masks = self.floats(segmentation_masks)
        return self._blended(masks, transformation, "transform_segmentation_masks")
