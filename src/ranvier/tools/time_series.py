"""Windows that slide over a time series, as a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, DataError
from ..core.random import child_generator
from ..data.checks import positive_integer
from ..data.pipeline import Dataset

__all__ = ["timeseries_dataset_from_array"]


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Windows of a time series: window :math:`i` holds rows :math:`i s + k r` for :math:`k` below `sequence_length`.

    Args:
        data: rows in the order of time, (steps, …).
        targets: what belongs to the window that begins at each row, (steps, …); None: nothing does.
        sequence_length: rows in a window.
        sequence_stride: :math:`s`, rows from the beginning of one window to that of the next.
        sampling_rate: :math:`r`, rows from one row of a window to the next.
        batch_size: windows in a batch; None: single windows.
        shuffle: in another order in each pass; False: in the order of time.
        seed: an integer for the same orders in every run.
        start_index: the first row that is used; None: the very first.
        end_index: the row after the last that is used; None: all.
        format: accepted; the dataset is ranvier's own.

    Returns:
        A `Dataset` of arrays (batch, sequence_length, …), or of pairs of them and targets.

    Raises:
        ArgumentError: numbers that make no sense for the data.
        DataError: so few rows that there is no window.

    >>> windows = timeseries_dataset_from_array(np.arange(6), None, sequence_length=3, sequence_stride=2, batch_size=2)
    >>> next(iter(windows)).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    if format not in ("tf", "grain"):
        raise ArgumentError(f"format must be 'tf' or 'grain'. Received: format={format!r}")
    data = np.asarray(data)
    rows = len(data)
    for name, value in (("sequence_length", sequence_length), ("sequence_stride", sequence_stride),
                        ("sampling_rate", sampling_rate)):  # fmt: skip
        positive_integer(value, name)
        if value >= rows and name != "sequence_length":
            raise ArgumentError(f"{name} must be less than the number of rows, {rows}. Received: {name}={value}")
    if batch_size is not None:
        positive_integer(batch_size, "batch_size")
    start, end = start_index or 0, rows if end_index is None else end_index
    if not 0 <= start < rows:
        raise ArgumentError(
            f"start_index must lie in [0, {rows}), the rows of data. Received: start_index={start_index}"
        )
    if not start < end <= rows:
        raise ArgumentError(
            f"end_index must lie after start_index and at most at {rows}, the end of data. Received: start_index="
            f"{start_index}, end_index={end_index}"
        )
    count = end - start - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(targets)
        count = min(count, len(targets[start:end]))
    if count <= 0:
        raise DataError(
            f"There is no window: {end - start} rows are fewer than the {(sequence_length - 1) * sampling_rate + 1} that "
            f"sequence_length={sequence_length} and sampling_rate={sampling_rate} need."
        )
    first = np.arange(start, start + count, sequence_stride)
    return _windows(data, targets, first, np.arange(sequence_length) * sampling_rate, batch_size, shuffle, seed)


def _windows(
    data: np.ndarray,
    targets: Any,
    first: np.ndarray,
    steps: np.ndarray,
    batch_size: int | None,
    shuffle: bool,
    seed: Any,
) -> Dataset:
    generator = child_generator() if seed is None else np.random.default_rng(seed)

    def elements() -> Iterator[Any]:
        order = generator.permutation(first) if shuffle else first
        for at in range(0, len(order), batch_size or 1):
            begin = order[at] if batch_size is None else order[at : at + batch_size]
            windows = data[np.asarray(begin)[..., None] + steps]
            yield windows if targets is None else (windows, targets[begin])

    return Dataset(elements, -(-len(first) // (batch_size or 1)))
