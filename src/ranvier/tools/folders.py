"""Files in folders that stand for classes: which there are, their labels, the split, and the dataset of what is in them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, DataError
from ..core.random import child_generator
from ..data.checks import positive_integer
from ..data.pipeline import Dataset, stack
from ..data.prefetch import in_order
from .interactive import print_message
from .kept import Kept

__all__ = ["FolderOptions", "dataset_of_files"]

_SUBSETS = ("training", "validation", "both")
_MODES = ("int", "binary", "categorical", None)
_FORMATS = ("tf", "grain")
_THREADS = min(8, os.cpu_count() or 1)
_GROUP = 8  # files that a thread reads before it asks for more


@dataclass(frozen=True)
class FolderOptions:
    """The arguments that the functions for images, texts and sounds share; see `image_dataset_from_directory`."""

    directory: Any
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool
    endings: tuple[str, ...]
    what: str
    format: str = "tf"

    def __post_init__(self) -> None:
        if self.format not in _FORMATS:
            raise ArgumentError(f"format must be 'tf' or 'grain'. Received: format={self.format!r}")
        if self.label_mode not in _MODES:
            raise ArgumentError(
                f"label_mode must be 'int', 'binary', 'categorical' or None. Received: label_mode={self.label_mode!r}"
            )
        if isinstance(self.labels, str) and self.labels != "inferred":
            raise ArgumentError(
                f"labels must be 'inferred', None or a list of integers. Received: labels={self.labels!r}"
            )
        if self.class_names is not None and not isinstance(self.labels, str):
            raise ArgumentError("class_names is for labels='inferred': it gives the order of the folders.")
        if (self.subset is None) != (self.validation_split is None):
            raise ArgumentError(
                "subset and validation_split belong together: give both or neither. Received: "
                f"subset={self.subset!r}, validation_split={self.validation_split!r}"
            )
        if self.validation_split is not None:
            if not 0 < self.validation_split < 1:
                raise ArgumentError(
                    f"validation_split must lie between 0 and 1. Received: validation_split={self.validation_split!r}"
                )
            if self.subset not in _SUBSETS:
                raise ArgumentError(
                    f"subset must be 'training', 'validation' or 'both'. Received: subset={self.subset!r}"
                )
            if self.shuffle and self.seed is None:
                raise ArgumentError(
                    "Shuffling before the split needs a seed, the same for both subsets, or files would be in both. Give seed."
                )


def dataset_of_files(options: FolderOptions, load: Callable[[str], Any], collate: Any = stack) -> Any:
    """The dataset, or the two datasets, of what `load` makes of each file.

    Args:
        options: which files, labels and batches.
        load: reads one file; called by several threads.
        collate: makes a batch of several results.

    Raises:
        DataError: no files, or labels that do not fit them.
    """
    if options.batch_size is not None:
        positive_integer(options.batch_size, "batch_size")
    paths, labels, names = _index(options)
    seed = int(child_generator().integers(10**6)) if options.seed is None else options.seed
    if options.shuffle:
        paths, labels = (_shuffled(values, seed) for values in (paths, labels))
    targets = _targets(labels, names, options)
    count = int(options.validation_split * len(paths)) if options.validation_split is not None else 0
    parts = {"training": slice(0, len(paths) - count), "validation": slice(len(paths) - count, len(paths))}

    def dataset(part: str, shuffle: bool) -> Dataset:
        mine = parts[part]
        kept = None if targets is None else targets[mine]
        if not paths[mine]:
            raise DataError(
                f"The {part} subset is empty: {len(paths)} files, validation_split={options.validation_split}."
            )
        return _dataset(paths[mine], kept, load, collate, replace(options, shuffle=shuffle, seed=seed), names)

    if options.verbose and options.subset:
        for part, files in parts.items():
            if options.subset in (part, "both"):
                print_message(f"Using {len(paths[files])} files for {part}.")
    if options.subset == "both":
        return dataset("training", options.shuffle), dataset("validation", False)
    return dataset(options.subset or "training", options.shuffle)


def _index(options: FolderOptions) -> tuple[list[str], list[int], list[str] | None]:
    """All files, their labels, and the names of the classes."""
    directory = os.fspath(options.directory)
    if not os.path.isdir(directory):
        raise DataError(f"directory must be an existing folder. Received: directory={directory!r}")
    inferred = isinstance(options.labels, str) and options.label_mode is not None
    with_labels = options.labels is not None and options.label_mode is not None
    folders = _class_folders(directory, options) if isinstance(options.labels, str) else [""]
    paths: list[str] = []
    labels: list[int] = []
    for label, folder in enumerate(folders):
        found = _files(os.path.join(directory, folder) if folder else directory, options.endings, options.follow_links)
        paths += found
        labels += [label] * len(found)
    names: list[str] | None = list(folders) if inferred else None
    if with_labels and not inferred:
        labels = [int(label) for label in options.labels or ()]
        if len(labels) != len(paths):
            raise DataError(
                f"labels must have one integer for each file. Received: {len(labels)} labels, {len(paths)} files"
            )
        names = [str(label) for label in sorted(set(labels))]
    if options.verbose:
        print_message(
            f"Found {len(paths)} files" + (f" belonging to {len(names)} classes." if names is not None else ".")
        )
    if not paths:
        raise DataError(
            f"There are no {options.what} in {directory!r}: no files that end in {', '.join(options.endings)}."
        )
    return paths, labels, names


def _class_folders(directory: str, options: FolderOptions) -> list[str]:
    folders = sorted(e.name for e in os.scandir(directory) if e.is_dir() and not e.name.startswith("."))
    if options.class_names is None:
        return folders
    if not set(options.class_names) <= set(folders):
        raise ArgumentError(
            f"class_names must be names of folders in {directory!r}, which are {folders}. Received: "
            f"class_names={list(options.class_names)}"
        )
    return list(options.class_names)


def _files(folder: str, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    """The files below a folder, folder by folder in the order of their names."""
    found = []
    for root, _, files in sorted(os.walk(folder, followlinks=follow_links)):
        found += [os.path.join(root, name) for name in sorted(files) if name.lower().endswith(endings)]
    return found


def _shuffled(values: list[Any], seed: int) -> list[Any]:
    out = list(values)
    np.random.RandomState(seed).shuffle(out)
    return out


def _targets(labels: list[int], names: list[str] | None, options: FolderOptions) -> np.ndarray | None:
    """The labels in the form that `label_mode` asks for, one row a file."""
    if names is None:
        return None
    values = np.asarray(labels, np.int32)
    if options.label_mode == "int":
        return values
    if options.label_mode == "binary" and len(names) != 2:
        raise ArgumentError(f"label_mode='binary' needs two classes. Received: {len(names)} classes: {names[:10]}")
    if not 0 <= values.min() <= values.max() < len(names):
        raise DataError(
            f"labels must be 0 to {len(names) - 1} for label_mode={options.label_mode!r}. Received: {names}"
        )
    if options.label_mode == "binary":
        return values[:, None].astype(np.float32)
    return np.eye(len(names), dtype=np.float32)[values]


def _loaded(paths: list[str], load: Any, ahead: int) -> Iterator[Any]:
    """What `load` makes of each file, in their order, up to `ahead` files ahead."""
    if isinstance(load, Kept) and load.has(paths):
        return map(load, paths)  # threads would only take the processor from those who train
    groups = [paths[i : i + _GROUP] for i in range(0, len(paths), _GROUP)]
    read = in_order(lambda group: [load(path) for path in group], groups, _THREADS, max(_THREADS, ahead // _GROUP))
    return itertools.chain.from_iterable(read)


def _dataset(
    paths: list[str],
    targets: np.ndarray | None,
    load: Any,
    collate: Any,
    options: FolderOptions,
    names: list[str] | None,
) -> Dataset:
    """Batches, or single elements, of the files; shuffled anew in each pass."""
    generator = np.random.default_rng(options.seed)
    size = options.batch_size

    def elements() -> Iterator[Any]:
        order = generator.permutation(len(paths)) if options.shuffle else np.arange(len(paths))
        loaded = _loaded([paths[i] for i in order], load, min(2 * (size or 1), 64))
        for start in range(0, len(order), size or 1):
            rows = order[start : start + (size or 1)]
            items = [item for _, item in zip(rows, loaded, strict=False)]
            x = items[0] if size is None else collate(items)
            y = None if targets is None else targets[rows[0] if size is None else rows]
            yield x if y is None else (x, y)

    return Dataset(elements, -(-len(paths) // (size or 1)), names, paths)
