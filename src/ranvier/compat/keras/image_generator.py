"""`preprocessing.image.ImageDataGenerator`: batches of images changed at random, on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...core.settings import floatx, standardize_data_format
from .image_iterators import DataFrameIterator, DirectoryIterator, NumpyArrayIterator
from .image_transforms import apply_affine_transform, apply_brightness_shift, apply_channel_shift

__all__ = ["ImageDataGenerator"]


class ImageDataGenerator:
    """Images in batches, each changed at random and standardized.

    `utils.image_dataset_from_directory` and the layers `RandomFlip`, `RandomRotation`, … are today's way: they run inside of the
    compiled program, and are much faster.

    Args:
        featurewise_center, featurewise_std_normalization: subtract the mean and divide by the deviation of each channel
            over all data; `fit` measures them.
        samplewise_center, samplewise_std_normalization: the same for each image by itself.
        zca_whitening, zca_epsilon: whiten pixels; `fit` measures how.
        rotation_range: degrees, either way.
        width_shift_range, height_shift_range: a share below 1, or pixels: up to a float, an integer below an int, or one of
            a list; either way.
        brightness_range: a pair of factors.
        shear_range: degrees, either way.
        zoom_range: a pair of factors, or z for (1 − z, 1 + z).
        channel_shift_range: what is added to all channels at most, either way.
        fill_mode, cval: what comes in at the borders; see `apply_affine_transform`.
        horizontal_flip, vertical_flip: whether images may be mirrored.
        rescale: a factor for all values, after every other change.
        preprocessing_function: a function from image to image, before `rescale`.
        data_format: where channels are.
        validation_split: the share of samples of ``subset="validation"``.
        interpolation_order: of the spline between pixels.
        dtype: of batches.

    >>> flipping = ImageDataGenerator(horizontal_flip=True, rescale=1 / 255)
    >>> images, labels = next(flipping.flow(np.full((4, 2, 2, 1), 255.0), np.arange(4), batch_size=4, shuffle=False))
    >>> images.max().item(), labels.tolist()
    (1.0, [0, 1, 2, 3])
    """

    def __init__(
        self, featurewise_center: bool = False, samplewise_center: bool = False, featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False, zca_whitening: bool = False, zca_epsilon: float = 1e-6,
        rotation_range: float = 0, width_shift_range: Any = 0.0, height_shift_range: Any = 0.0, brightness_range: Any = None,
        shear_range: float = 0.0, zoom_range: Any = 0.0, channel_shift_range: float = 0.0, fill_mode: str = "nearest",
        cval: float = 0.0, horizontal_flip: bool = False, vertical_flip: bool = False, rescale: float | None = None,
        preprocessing_function: Any = None, data_format: str | None = None, validation_split: float = 0.0,
        interpolation_order: int = 1, dtype: Any = None,
    ):  # fmt: skip
        self.featurewise_center = featurewise_center or zca_whitening or featurewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range, self.channel_shift_range = brightness_range, channel_shift_range
        self.fill_mode, self.cval = fill_mode, cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format = standardize_data_format(data_format)
        self.interpolation_order, self.dtype = interpolation_order, dtype or floatx()
        if validation_split and not 0 < validation_split < 1:
            raise ArgumentError(f"validation_split must lie between 0 and 1. Received: {validation_split!r}")
        self.validation_split = validation_split
        if isinstance(zoom_range, (int, float)):
            self.zoom_range = [1 - zoom_range, 1 + zoom_range]
        elif len(zoom_range) == 2:
            self.zoom_range = list(zoom_range)
        else:
            raise ArgumentError(f"zoom_range must be a number or a pair. Received: zoom_range={zoom_range!r}")
        if brightness_range is not None and len(tuple(brightness_range)) != 2:
            raise ArgumentError(f"brightness_range must be a pair of factors. Received: {brightness_range!r}")
        last = self.data_format == "channels_last"
        self.channel_axis, self.row_axis, self.col_axis = (3, 1, 2) if last else (1, 2, 3)
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None

    # --- batches ----------------------------------------------------------------------------------------------------

    def flow(
        self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None,
        seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
        ignore_class_split: bool = False, subset: str | None = None,
    ) -> NumpyArrayIterator:  # fmt: skip
        """Batches of images in an array, with their targets and weights.

        Args:
            x: images with 4 axes; or a pair of them and other arrays.
            y, sample_weight: targets and weights.
            batch_size, shuffle, seed: of batches.
            save_to_dir, save_prefix, save_format: write the changed images there.
            ignore_class_split: allow that training and validation have different classes.
            subset: ``"training"`` or ``"validation"``.
        """
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, save_to_dir, save_prefix, save_format,
            subset, ignore_class_split, self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self, directory: Any, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", follow_links: bool = False,
        subset: str | None = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:  # fmt: skip
        """Batches of the images in a folder that has a folder for each class.

        Args:
            directory: the folder.
            target_size: height and width.
            color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
            classes: names of the folders in the order of the classes; None: in alphabetical order.
            class_mode: targets: ``"categorical"``, ``"binary"``, ``"sparse"``, ``"input"`` (the images), None.
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset: as in `flow`.
            follow_links: look into linked folders.
            interpolation, keep_aspect_ratio: as in `load_img`.
        """
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, self.data_format,
            save_to_dir, save_prefix, save_format, follow_links, subset, interpolation, keep_aspect_ratio, self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self, dataframe: Any, directory: Any = None, x_col: str = "filename", y_col: Any = "class",
        weight_col: str | None = None, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", subset: str | None = None,
        interpolation: str = "nearest", validate_filenames: bool = True, **kwargs: Any,
    ) -> DataFrameIterator:  # fmt: skip
        """Batches of the images that a pandas table names.

        Args:
            dataframe: the table.
            directory: the folder of relative names.
            x_col: the column of names of files.
            y_col: the column of classes or targets, or a list of columns.
            weight_col: the column of weights.
            class_mode: as in `flow_from_directory`; also ``"raw"`` (numbers of `y_col`) and ``"multi_output"``.
            validate_filenames: leave out what is no image.
            target_size, color_mode, classes, batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset,
            interpolation: as in `flow_from_directory`.
        """
        for old in ("has_ext", "drop_duplicates"):  # of the first versions
            kwargs.pop(old, None)
        if kwargs:
            raise ArgumentError(f"flow_from_dataframe has no argument {', '.join(map(repr, kwargs))}.")
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode, batch_size,
            shuffle, seed, self.data_format, save_to_dir, save_prefix, save_format, subset, interpolation, False, self.dtype,
            validate_filenames,
        )  # fmt: skip

    # --- one image --------------------------------------------------------------------------------------------------

    def standardize(self, x: Any) -> Any:
        """An image as the model gets it: the function, the factor, and what is subtracted and divided by."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x = x * self.rescale
        if self.samplewise_center:
            x = x - np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (np.std(x, keepdims=True) + 1e-6)
        if self.featurewise_center:
            x = x - self._measured("mean")
        if self.featurewise_std_normalization:
            x = x / (self._measured("std") + 1e-6)
        if self.zca_whitening:
            x = (x.reshape(-1, x.size) @ self._measured("zca_whitening_matrix")).reshape(x.shape)
        return x

    def _measured(self, name: str) -> Any:
        found = getattr(self, name)
        if found is None:
            raise ArgumentError(f"Call fit(x) on this ImageDataGenerator first: it measures the {name} of the data.")
        return found

    def get_random_transform(self, img_shape: Any, seed: int | None = None) -> dict[str, Any]:
        """Random arguments for `apply_transform`, within the ranges.

        Args:
            img_shape: the shape of one image.
            seed: None: NumPy's global generator.
        """
        rng: Any = np.random if seed is None else np.random.RandomState(seed)
        turn, lean = self.rotation_range, self.shear_range
        tx = self._shift(rng, self.width_shift_range, img_shape[self.col_axis - 1])
        ty = self._shift(rng, self.height_shift_range, img_shape[self.row_axis - 1])
        low, high = self.zoom_range
        zx, zy = (1, 1) if low == high == 1 else rng.uniform(low, high, 2)
        shift = self.channel_shift_range
        return {
            "theta": rng.uniform(-turn, turn) if turn else 0,
            "tx": tx,
            "ty": ty,
            "shear": rng.uniform(-lean, lean) if lean else 0,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": bool(self.horizontal_flip and rng.random_sample() < 0.5),
            "flip_vertical": bool(self.vertical_flip and rng.random_sample() < 0.5),
            "channel_shift_intensity": rng.uniform(-shift, shift) if shift else None,
            "brightness": rng.uniform(*self.brightness_range) if self.brightness_range is not None else None,
        }

    def _shift(self, rng: Any, given: Any, size: int) -> float:
        """A shift in pixels: within a range that is a share or pixels, or one of a list of pixels, either way."""
        if not np.any(given):
            return 0
        chosen = np.ndim(given) > 0 or isinstance(given, int)  # one of a list, or of the integers below
        value = rng.choice(given) * rng.choice([-1, 1]) if chosen else rng.uniform(-given, given)
        return value * (size if np.max(given) < 1 else 1)

    def apply_transform(self, x: Any, transform_parameters: dict[str, Any]) -> Any:
        """An image changed as `get_random_transform` said; what is not said is not changed."""
        said = transform_parameters
        axes = {"row_axis": self.row_axis - 1, "col_axis": self.col_axis - 1, "channel_axis": self.channel_axis - 1}
        moves = {name: said.get(name, 0) for name in ("theta", "tx", "ty", "shear")}
        x = apply_affine_transform(
            x, **moves, zx=said.get("zx", 1), zy=said.get("zy", 1), **axes, fill_mode=self.fill_mode, cval=self.cval,
            order=self.interpolation_order,
        )  # fmt: skip
        if said.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, said["channel_shift_intensity"])
        if said.get("flip_horizontal"):
            x = np.flip(x, axes["col_axis"])
        if said.get("flip_vertical"):
            x = np.flip(x, axes["row_axis"])
        if said.get("brightness") is not None:
            x = apply_brightness_shift(x, said["brightness"], scale=False)
        return x

    def random_transform(self, x: Any, seed: int | None = None) -> Any:
        """An image changed at random."""
        return self.apply_transform(x, self.get_random_transform(np.shape(x), seed))

    # --- measuring --------------------------------------------------------------------------------------------------

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Measure what the feature-wise standardizations need.

        Args:
            x: images with 4 axes.
            augment: measure images changed at random.
            rounds: how many times all images, if so.
            seed: for the changes.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ArgumentError(f"fit takes images with 4 axes: (samples, …). Received: shape {x.shape}")
        if augment:
            seeds = iter(range(seed, seed + rounds * len(x))) if seed is not None else None
            changed = [self.random_transform(i, next(seeds) if seeds else None) for _ in range(rounds) for i in x]
            x = np.stack(changed).astype(self.dtype)
        axes = (0, self.row_axis, self.col_axis)
        shape = [1, 1, 1]
        shape[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = x.mean(axis=axes).reshape(shape)
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axis=axes).reshape(shape)
            x = x / (self.std + 1e-6)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            _, s, vt = np.linalg.svd(flat, full_matrices=False)
            scale = np.sqrt(len(x)) / np.sqrt(s**2 + self.zca_epsilon)
            self.zca_whitening_matrix = (vt.T * scale) @ vt
