"""`preprocessing.image`: batches of images from arrays, folders and tables, as ``ImageDataGenerator.flow…`` gives them.

Each is a `PyDataset`, so that `fit` reads it ahead of the computation, and an endless iterator, as in Keras 2.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator as AnyIterator
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, DataError
from ...core.settings import floatx, standardize_data_format
from ...data.py_dataset import PyDataset
from ...tools.images import array_to_img, img_to_array, load_img

__all__ = ["DataFrameIterator", "DirectoryIterator", "Iterator", "NumpyArrayIterator", "image_paths"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


class Iterator(PyDataset):
    """Batches of some of n samples, in their order or mixed anew in each epoch.

    Args:
        n: how many samples.
        batch_size: samples in a batch; the last of an epoch may have fewer.
        shuffle: whether the order is mixed.
        seed: for mixing and for what is random in a batch; None: NumPy's global generator.
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"There are {len(self)} batches. Received: index {index}")
        index %= len(self)
        with self.lock:
            if self.index_array is None:
                self._mix()
            self.total_batches_seen += 1
            places = self.index_array[self.batch_size * index : self.batch_size * (index + 1)]  # type: ignore[index]
            seed = None if self.seed is None else self.seed + self.total_batches_seen
        return self._batch(places, seed)

    def _mix(self) -> None:
        if self.shuffle:
            rng: Any = np.random if self.seed is None else np.random.RandomState(self.seed + self.total_batches_seen)
            self.index_array = rng.permutation(self.n)
        else:
            self.index_array = np.arange(self.n)

    def on_epoch_end(self) -> None:
        """Mix anew."""
        self._mix()

    def reset(self) -> None:
        """Let `next` begin with the first batch."""
        self.batch_index = 0

    def __iter__(self) -> AnyIterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.n == 0:
            raise StopIteration
        index = self.batch_index % len(self)
        if index == 0 and self.batch_index:
            self._mix()
        self.batch_index = index + 1
        return self[index]

    next = __next__

    def _batch(self, places: np.ndarray, seed: int | None) -> Any:
        raise DataError(f"{type(self).__name__} must define how a batch is made.")


class _Images(Iterator):
    """Batches of images that an `ImageDataGenerator` changes and standardizes."""

    def __init__(
        self, n: int, generator: Any, batch_size: int, shuffle: bool, seed: int | None, save: tuple[Any, str, str],
        dtype: Any,
    ):  # fmt: skip
        super().__init__(n, batch_size, shuffle, seed)
        self.image_data_generator = generator
        self.save_to_dir, self.save_prefix, self.save_format = save
        self.dtype = dtype or floatx()

    def _changed(self, images: Any, shape: tuple[int, ...], seed: int | None) -> np.ndarray:
        """A batch of the images, each changed at random."""
        generator = self.image_data_generator
        batch = []
        for i, image in enumerate(images):
            how = generator.get_random_transform(shape, None if seed is None else seed + 100_003 * i)
            batch.append(generator.standardize(generator.apply_transform(np.asarray(image, self.dtype), how)))
        if self.save_to_dir:
            for i, image in enumerate(batch):
                name = f"{self.save_prefix}_{self.total_batches_seen}_{i}_{np.random.randint(10**7)}.{self.save_format}"
                array_to_img(image, generator.data_format, scale=True).save(os.path.join(self.save_to_dir, name))
        return np.stack(batch) if batch else np.zeros((0, *shape), self.dtype)


class NumpyArrayIterator(_Images):
    """Batches of images in an array; see `ImageDataGenerator.flow`."""

    def __init__(
        self, x: Any, y: Any, image_data_generator: Any, batch_size: int = 32, shuffle: bool = False,
        sample_weight: Any = None, seed: int | None = None, data_format: str | None = None, save_to_dir: Any = None,
        save_prefix: str = "", save_format: str = "png", subset: str | None = None, ignore_class_split: bool = False,
        dtype: Any = None,
    ):  # fmt: skip
        several = isinstance(x, (tuple, list))
        others = [np.asarray(a) for a in x[1]] if several and isinstance(x[1], list) else []
        if several and not others:
            others = [np.asarray(x[1])]
        images = np.asarray(x[0] if several else x)
        if images.ndim != 4:
            raise ArgumentError(f"flow takes images with 4 axes: (samples, …). Received: shape {images.shape}")
        arrays = [images, *others, *(np.asarray(a) for a in (y, sample_weight) if a is not None)]
        if len({len(a) for a in arrays}) > 1:
            raise ArgumentError(f"x, y and sample_weight must be equally long. Received: {[len(a) for a in arrays]}")
        chosen = _subset(np.arange(len(images)), subset, image_data_generator)
        if subset is not None and y is not None and not ignore_class_split:
            _check_classes(np.asarray(y), chosen, image_data_generator)
        self.x = np.asarray(images[chosen], dtype or floatx())
        self.x_misc = [a[chosen] for a in others]
        self.y = None if y is None else np.asarray(y)[chosen]
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)[chosen]
        super().__init__(
            len(self.x), image_data_generator, batch_size, shuffle, seed, (save_to_dir, save_prefix, save_format), dtype
        )

    def _batch(self, places: np.ndarray, seed: int | None) -> Any:
        images = self._changed(self.x[places], self.x.shape[1:], seed)
        x = [images, *(a[places] for a in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return x
        return (x, self.y[places]) if self.sample_weight is None else (x, self.y[places], self.sample_weight[places])


class _Files(_Images):
    """Batches of images read from files."""

    filepaths: list[str]

    def __init__(
        self, n: int, generator: Any, target_size: Any, color_mode: str, interpolation: str, keep_aspect_ratio: bool,
        batch_size: int, shuffle: bool, seed: int | None, save: tuple[Any, str, str], dtype: Any,
    ):  # fmt: skip
        super().__init__(n, generator, batch_size, shuffle, seed, save, dtype)
        if color_mode not in _CHANNELS:
            raise ArgumentError(f"color_mode must be one of {', '.join(_CHANNELS)}. Received: {color_mode!r}")
        self.target_size, self.color_mode = tuple(target_size), color_mode
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.data_format = standardize_data_format(generator.data_format)
        channels = _CHANNELS[color_mode]
        last = self.data_format == "channels_last"
        self.image_shape = (*self.target_size, channels) if last else (channels, *self.target_size)

    def _images(self, places: np.ndarray, seed: int | None) -> np.ndarray:
        return self._changed((self._read(self.filepaths[i]) for i in places), self.image_shape, seed)

    def _read(self, path: str) -> np.ndarray:
        picture = load_img(path, self.color_mode, self.target_size, self.interpolation, self.keep_aspect_ratio)
        return img_to_array(picture, self.data_format)


class DirectoryIterator(_Files):
    """Batches of images in a folder with a folder for each class; see `ImageDataGenerator.flow_from_directory`."""

    allowed_class_modes = frozenset({"categorical", "binary", "sparse", "input", None})

    def __init__(
        self, directory: Any, image_data_generator: Any, target_size: Any = (256, 256), color_mode: str = "rgb",
        classes: Any = None, class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
        seed: int | None = None, data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "",
        save_format: str = "png", follow_links: bool = False, subset: str | None = None, interpolation: str = "nearest",
        keep_aspect_ratio: bool = False, dtype: Any = None,
    ):  # fmt: skip
        self.directory, self.class_mode = directory, _known_mode(class_mode, self.allowed_class_modes)
        folders = classes or sorted(p.name for p in Path(directory).iterdir() if p.is_dir())
        self.num_classes = len(folders)
        self.class_indices = {name: i for i, name in enumerate(folders)}
        self.filenames, labels = [], []
        for name, label in self.class_indices.items():
            paths = image_paths(Path(directory) / name, follow_links)
            kept = _subset(np.arange(len(paths)), subset, image_data_generator)  # of each class its share
            self.filenames += [os.path.relpath(paths[i], directory) for i in kept]
            labels += [label] * len(kept)
        self.classes = np.array(labels, "int32")
        self.samples = len(self.filenames)
        self.filepaths = [os.path.join(directory, name) for name in self.filenames]
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(
            self.samples, image_data_generator, target_size, color_mode, interpolation, keep_aspect_ratio, batch_size,
            shuffle, seed, (save_to_dir, save_prefix, save_format), dtype,
        )  # fmt: skip

    @property
    def labels(self) -> np.ndarray:
        """The class of each file, as a number."""
        return self.classes

    def _batch(self, places: np.ndarray, seed: int | None) -> Any:
        images = self._images(places, seed)
        if self.class_mode is None:
            return images
        if self.class_mode == "input":
            return images, images.copy()
        return images, _targets(self.classes[places], self.class_mode, self.num_classes, self.dtype)


class DataFrameIterator(_Files):
    """Batches of images that a pandas table names; see `ImageDataGenerator.flow_from_dataframe`."""

    allowed_class_modes = frozenset({"binary", "categorical", "input", "multi_output", "raw", "sparse", None})

    def __init__(
        self, dataframe: Any, directory: Any = None, image_data_generator: Any = None, x_col: str = "filename",
        y_col: Any = "class", weight_col: str | None = None, target_size: Any = (256, 256), color_mode: str = "rgb",
        classes: Any = None, class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
        seed: int | None = None, data_format: str | None = "channels_last", save_to_dir: Any = None, save_prefix: str = "",
        save_format: str = "png", subset: str | None = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False,
        dtype: Any = "float32", validate_filenames: bool = True,
    ):  # fmt: skip
        self.directory = directory or ""
        self.class_mode = mode = _known_mode(class_mode, self.allowed_class_modes)
        table = dataframe
        paths = [os.path.join(self.directory, str(name)) for name in table[x_col]]
        if validate_filenames:
            there = np.array([p.lower().endswith(_SUFFIXES) and os.path.isfile(p) for p in paths], bool)
            if not there.all():
                print(f"{(~there).sum()} of the {len(paths)} files named in column {x_col!r} are no images; left out.")
            table, paths = table[there], [p for p, ok in zip(paths, there, strict=True) if ok]
        named = mode in ("categorical", "binary", "sparse")
        if named:
            known = list(classes) if classes else sorted({label for one in table[y_col] for label in _listed(one)})
            keep = np.array([any(label in known for label in _listed(one)) for one in table[y_col]], bool)
            table, paths = table[keep], [p for p, ok in zip(paths, keep, strict=True) if ok]
            self.class_indices = {label: i for i, label in enumerate(known)}
        chosen = _subset(np.arange(len(paths)), subset, image_data_generator)
        table = table.iloc[chosen]
        self.filenames = list(table[x_col])
        self.filepaths = [paths[i] for i in chosen]
        self.samples = len(chosen)
        self.sample_weight = None if weight_col is None else table[weight_col].to_numpy()
        if named:
            self.classes = [self._number(one) for one in table[y_col]]
            print(f"Found {self.samples} validated image filenames belonging to {len(self.class_indices)} classes.")
        elif mode not in (None, "input"):
            columns = (
                [table[c].to_numpy() for c in y_col] if isinstance(y_col, (list, tuple)) else table[y_col].to_numpy()
            )
            self._targets = columns
            print(f"Found {self.samples} validated image filenames.")
        super().__init__(
            self.samples, image_data_generator, target_size, color_mode, interpolation, keep_aspect_ratio, batch_size,
            shuffle, seed, (save_to_dir, save_prefix, save_format), dtype,
        )  # fmt: skip

    def _number(self, label: Any) -> Any:
        if isinstance(label, (list, tuple)):
            return [self.class_indices[one] for one in label if one in self.class_indices]
        return self.class_indices[label]

    @property
    def labels(self) -> Any:
        """The class of each file, or its targets."""
        return self.classes if hasattr(self, "classes") else self._targets

    def _batch(self, places: np.ndarray, seed: int | None) -> Any:
        images = self._images(places, seed)
        if self.class_mode is None:
            return images
        if self.class_mode == "input":
            targets: Any = images.copy()
        elif self.class_mode == "multi_output":
            targets = tuple(column[places] for column in self._targets)
        elif self.class_mode == "raw":
            columns = self._targets
            targets = np.stack([c[places] for c in columns], 1) if isinstance(columns, list) else columns[places]
        else:
            targets = _targets([self.classes[i] for i in places], self.class_mode, len(self.class_indices), self.dtype)
        return (images, targets) if self.sample_weight is None else (images, targets, self.sample_weight[places])


def image_paths(folder: Path, follow_links: bool = False) -> list[str]:
    """The images in a folder and the folders inside, in order."""
    found = []
    for here, _, names in os.walk(folder, followlinks=follow_links):
        found += [os.path.join(here, name) for name in names if name.lower().endswith(_SUFFIXES)]
    return sorted(found)


def _known_mode(mode: Any, allowed: frozenset[Any]) -> Any:
    if mode not in allowed:
        names = sorted(str(m) for m in allowed)
        raise ArgumentError(f"class_mode must be one of {', '.join(names)}. Received: class_mode={mode!r}")
    return mode


def _listed(label: Any) -> Any:
    return label if isinstance(label, (list, tuple)) else [label]


def _targets(classes: Any, mode: str, count: int, dtype: Any) -> np.ndarray:
    """Numbers of classes as they are, or as rows with a 1 for each class that a sample has."""
    if mode != "categorical":
        return np.asarray(classes, dtype)
    rows = np.zeros((len(classes), count), dtype)
    for row, numbers in zip(rows, classes, strict=True):
        row[numbers] = 1
    return rows


def _subset(places: np.ndarray, subset: str | None, generator: Any) -> np.ndarray:
    """The first share of the places for validation, the others for training, as `validation_split` says."""
    if subset not in (None, "training", "validation"):
        raise ArgumentError(f"subset must be 'training' or 'validation'. Received: subset={subset!r}")
    if subset is None:
        return places
    if not generator.validation_split:
        raise ArgumentError(f"subset={subset!r} needs ImageDataGenerator(validation_split=…).")
    first = int(len(places) * generator.validation_split)
    return places[:first] if subset == "validation" else places[first:]


def _check_classes(y: np.ndarray, chosen: np.ndarray, generator: Any) -> None:
    rest = np.setdiff1d(np.arange(len(y)), chosen)
    if not np.array_equal(np.unique(y[chosen]), np.unique(y[rest])):
        raise DataError(
            "Training and validation samples have different classes after validation_split; the samples seem to be "
            "sorted by class. Mix them first, or pass ignore_class_split=True."
        )
