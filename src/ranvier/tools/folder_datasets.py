"""Datasets of the images, texts and sounds in a folder, whose subfolders are the classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import ArgumentError, DataError
from ..core.settings import standardize_data_format
from ..data.checks import positive_integer
from .folders import FolderOptions, dataset_of_files
from .images import pillow
from .kept import Kept
from .resizing import INTERPOLATIONS, crop_to_aspect, resize, resize_with_bars, resized_is_same
from .sounds import batch_sounds, read_sound

__all__ = ["audio_dataset_from_directory", "image_dataset_from_directory", "text_dataset_from_directory"]

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_DECODERS = ("BMP", "GIF", "JPEG", "PNG")  # whatever a file is called, no other decoder sees it
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """A dataset of the images in a folder, read by threads as they are needed.

    Pixels stay in memory from the first pass on, as many images as fit into a quarter of what is free. A file that has
    changed is read again.

    Args:
        directory: the folder; with inferred labels, each of its folders is a class.
        labels: "inferred" from the folders, None for none, or a list of integers in the order of the sorted paths.
        label_mode: "int" for int32 (batch,), "binary" for float32 (batch, 1), "categorical" for float32 one-hot
            vectors (batch, classes), None for no labels.
        class_names: the folders to read, in the order of their labels; None: all, sorted.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: images in a batch; None: single images.
        image_size: (height, width) that all images are resized to.
        shuffle: in another order in each pass; False: sorted.
        seed: an integer for the same orders and the same split in every run.
        validation_split: the share of the files for validation, between 0 and 1.
        subset: "training", "validation", or "both" for a pair of datasets.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic".
        follow_links: also go into folders that are links.
        crop_to_aspect_ratio: cut off evenly what does not fit the new aspect ratio, instead of distorting.
        pad_to_aspect_ratio: put black bars where the new aspect ratio has more room, instead of distorting.
        data_format: where the channels go; None: the default.
        format: accepted; the dataset is ranvier's own.
        verbose: print how many files there are.

    Returns:
        A `Dataset` of float32 images 0 to 255, (batch, height, width, channels), or pairs of them and labels, with
        `class_names` and `file_paths`. With "nearest" the images stay uint8, as in Keras.

    Raises:
        ArgumentError: an argument that makes no sense.
        DataError: no images, one that cannot be read, or labels that do not fit.
    """
    if color_mode not in _MODES:
        raise ArgumentError(f"color_mode must be 'grayscale', 'rgb' or 'rgba'. Received: color_mode={color_mode!r}")
    if interpolation not in INTERPOLATIONS:
        raise ArgumentError(
            f"interpolation must be one of {', '.join(INTERPOLATIONS)}. Received: interpolation={interpolation!r}"
        )
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other.")
    size = tuple(image_size) if isinstance(image_size, (tuple, list)) else (image_size, image_size)
    if len(size) != 2:
        raise ArgumentError(f"image_size must be (height, width). Received: image_size={image_size!r}")
    size = (positive_integer(size[0], "image_size[0]"), positive_integer(size[1], "image_size[1]"))
    first = standardize_data_format(data_format) == "channels_first"
    dtype = np.uint8 if interpolation == "nearest" else np.float32
    pillow()

    def load(path: str) -> np.ndarray:
        image = _read_image(path, color_mode)
        image = crop_to_aspect(image, size) if crop_to_aspect_ratio else image
        if not resized_is_same(image, size, interpolation):  # others stay bytes until they are in a batch
            image = (resize_with_bars if pad_to_aspect_ratio else resize)(image, size, interpolation)
        return image.transpose(2, 0, 1) if first else image

    kept = Kept(load)

    def single(path: str) -> np.ndarray:
        return np.array(kept(path), dtype)

    def batch(images: list[np.ndarray]) -> np.ndarray:
        return np.stack(images).astype(dtype, copy=False)

    options = FolderOptions(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, _IMAGES, "images", format,
    )  # fmt: skip
    return dataset_of_files(options, single if batch_size is None else kept, batch)


def _read_image(path: str, color_mode: str) -> np.ndarray:
    """The pixels of a file, uint8 (height, width, channels)."""
    image = pillow()
    try:
        with image.open(path, formats=_DECODERS) as file:
            if image.MAX_IMAGE_PIXELS and file.width * file.height > image.MAX_IMAGE_PIXELS:
                raise ValueError(f"{file.width} x {file.height} pixels are more than {image.MAX_IMAGE_PIXELS}.")
            if file.mode.startswith("I"):  # 16 bits: the upper 8
                file = image.fromarray((np.asarray(file) >> 8).astype(np.uint8))
            mode = _MODES[color_mode]
            pixels = np.asarray(file if file.mode == mode else file.convert(mode))
    except (OSError, ValueError, SyntaxError, image.DecompressionBombWarning, image.DecompressionBombError) as error:
        raise DataError(f"The image {path!r} cannot be read: {error}") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """A dataset of the ``.txt`` files in a folder.

    Args:
        directory: the folder; with inferred labels, each of its folders is a class.
        labels: "inferred" from the folders, None for none, or a list of integers in the order of the sorted paths.
        label_mode: "int" for int32 (batch,), "binary" for float32 (batch, 1), "categorical" for float32 one-hot
            vectors (batch, classes), None for no labels.
        class_names: the folders to read, in the order of their labels; None: all, sorted.
        batch_size: texts in a batch; None: single texts.
        max_length: how many characters of each text are kept; None: all.
        shuffle: in another order in each pass; False: sorted.
        seed: an integer for the same orders and the same split in every run.
        validation_split: the share of the files for validation, between 0 and 1.
        subset: "training", "validation", or "both" for a pair of datasets.
        follow_links: also go into folders that are links.
        format: accepted; the dataset is ranvier's own.
        verbose: print how many files there are.

    Returns:
        A `Dataset` of arrays of strings (batch,), or pairs of them and labels, with `class_names` and `file_paths`.
        Files are read as UTF-8; bytes that are none become U+FFFD.

    Raises:
        ArgumentError: an argument that makes no sense.
        DataError: no texts, or labels that do not fit.
    """
    if max_length is not None:
        positive_integer(max_length, "max_length")

    def load(path: str) -> str:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            return file.read(-1 if max_length is None else max_length)

    options = FolderOptions(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, (".txt",), "texts", format,
    )  # fmt: skip
    return dataset_of_files(options, load)


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """A dataset of the ``.wav`` files in a folder.

    Args:
        directory: the folder; with inferred labels, each of its folders is a class.
        labels: "inferred" from the folders, None for none, or a list of integers in the order of the sorted paths.
        label_mode: "int" for int32 (batch,), "binary" for float32 (batch, 1), "categorical" for float32 one-hot
            vectors (batch, classes), None for no labels.
        class_names: the folders to read, in the order of their labels; None: all, sorted.
        batch_size: sounds in a batch; None: single sounds.
        sampling_rate: samples a second that all sounds are brought to; None: as they are.
        output_sequence_length: samples that all sounds are cut or filled up to; None: the longest of each batch.
        ragged: batches are arrays of sounds of different lengths, not filled up.
        shuffle: in another order in each pass; False: sorted.
        seed: an integer for the same orders and the same split in every run.
        validation_split: the share of the files for validation, between 0 and 1.
        subset: "training", "validation", or "both" for a pair of datasets.
        follow_links: also go into folders that are links.
        verbose: print how many files there are.

    Returns:
        A `Dataset` of float32 sounds −1 to 1, (batch, samples, channels), or pairs of them and labels, with
        `class_names` and `file_paths`.

    Raises:
        ArgumentError: an argument that makes no sense.
        DataError: no sounds, one that cannot be read, or labels that do not fit.
    """
    if ragged and output_sequence_length is not None:
        raise ArgumentError("ragged and output_sequence_length exclude each other.")
    for name, value in (("sampling_rate", sampling_rate), ("output_sequence_length", output_sequence_length)):
        if value is not None:
            positive_integer(value, name)

    def load(path: str) -> np.ndarray:
        return read_sound(path, sampling_rate, output_sequence_length)

    options = FolderOptions(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, (".wav",), "sounds",
    )  # fmt: skip
    return dataset_of_files(options, load, lambda sounds: batch_sounds(sounds, ragged))
