"""`preprocessing.sequence`: windows of series, and pairs of words for embeddings."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...data.py_dataset import PyDataset

__all__ = ["TimeseriesGenerator", "make_sampling_table", "skipgrams"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series, each with the target of the step after it.

    `utils.timeseries_dataset_from_array` is today's way.

    Args:
        data: the series, (steps, …).
        targets: the targets, (steps, …).
        length: steps that a window covers.
        sampling_rate: every so many steps one is taken.
        stride: steps from one window to the next.
        start_index, end_index: use these steps of `data`; None: up to the last.
        shuffle: windows at random places instead of in order.
        reverse: each window backwards.
        batch_size: windows in a batch.

    Raises:
        ArgumentError: `data` and `targets` of different lengths, or no room for a window.

    >>> x, y = TimeseriesGenerator(np.arange(6), np.arange(6), length=2, batch_size=3)[0]
    >>> x.tolist(), y.tolist()
    ([[0, 1], [1, 2], [2, 3]], [2, 3, 4])
    """

    def __init__(
        self, data: Any, targets: Any, length: int, sampling_rate: int = 1, stride: int = 1, start_index: int = 0,
        end_index: int | None = None, shuffle: bool = False, reverse: bool = False, batch_size: int = 128,
    ):  # fmt: skip
        super().__init__()
        if len(data) != len(targets):
            raise ArgumentError(f"data and targets must be equally long. Received: {len(data)} and {len(targets)}")
        self.data, self.targets = data, targets
        self.length, self.sampling_rate, self.stride, self.batch_size = length, sampling_rate, stride, batch_size
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse = shuffle, reverse
        if self.start_index > self.end_index:
            raise ArgumentError(
                f"There is no window: the first of length={length} ends at step {self.start_index}, after the last step "
                f"{self.end_index}."
            )

    def __len__(self) -> int:
        return (self.end_index - self.start_index + self.batch_size * self.stride) // (self.batch_size * self.stride)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            ends = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            ends = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        windows = np.array([self.data[end - self.length : end : self.sampling_rate] for end in ends])
        return windows[:, ::-1] if self.reverse else windows, np.array([self.targets[end] for end in ends])

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain data."""
        plain = ("length", "sampling_rate", "stride", "start_index", "end_index", "shuffle", "reverse", "batch_size")
        arrays = {name: np.asarray(getattr(self, name)).tolist() for name in ("data", "targets")}
        return arrays | {name: getattr(self, name) for name in plain}

    def to_json(self, **kwargs: Any) -> str:
        """The generator as JSON."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """For each rank of a word by frequency, the probability to keep it, if frequencies follow Zipf's law.

    Args:
        size: how many ranks.
        sampling_factor: the larger, the more frequent words are kept.

    >>> make_sampling_table(3).round(4).tolist()
    [0.0032, 0.0032, 0.0055]
    """
    rank = np.maximum(np.arange(size), 1)
    rarity = rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * rarity))


def skipgrams(
    sequence: Any, vocabulary_size: int, window_size: int = 4, negative_samples: float = 1.0, shuffle: bool = True,
    categorical: bool = False, sampling_table: Any = None, seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:  # fmt: skip
    """Pairs of a word and one near it (label 1), and of a word and any other (label 0).

    Args:
        sequence: numbers of words; 0 is nobody's and is passed over.
        vocabulary_size: one more than the largest number.
        window_size: how far near words may be.
        negative_samples: pairs of label 0 for each of label 1.
        shuffle: whether pairs are mixed.
        categorical: labels [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: the probability to keep each number; see `make_sampling_table`.
        seed: for mixing.

    Returns:
        Pairs and labels.

    >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    words = list(sequence)
    couples: list[list[int]] = []
    for place, word in enumerate(words):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        around = range(max(0, place - window_size), min(len(words), place + window_size + 1))
        couples += [[word, words[other]] for other in around if other != place and words[other]]
    labels: list[Any] = [yes] * len(couples)
    if negative_samples > 0:
        count = int(len(couples) * negative_samples)
        firsts = [couple[0] for couple in couples]
        random.shuffle(firsts)
        couples += [[firsts[i % len(firsts)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [no] * count
    if shuffle:
        mixed = list(zip(couples, labels, strict=True))
        random.Random(random.randint(0, 10**7) if seed is None else seed).shuffle(mixed)
        couples, labels = [couple for couple, _ in mixed], [label for _, label in mixed]
    return couples, labels
