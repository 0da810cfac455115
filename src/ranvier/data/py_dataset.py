"""`PyDataset`: batches by index, made by one thread, several threads, or several processes."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import ArgumentError, DataError
from .checks import positive_integer
from .prefetch import in_order, in_order_of
from .sources import StreamData

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

__all__ = ["PyDataset", "Sequence", "is_py_dataset", "open_py_dataset"]


class PyDataset:
    """Base class for data that is made batch by batch.

    A subclass has ``__getitem__(index)``, which returns ``(x, y)`` or ``(x, y, sample_weight)`` for one batch, and
    ``__len__()``, the number of batches in an epoch (or `num_batches`, None for endless data).

    Args:
        workers: how many threads or processes make batches.
        use_multiprocessing: processes instead of threads. They are spawned, so the dataset must be picklable.
        max_queue_size: how many batches may wait.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.arange(4) + 4 * index
    ...         return x, x**2
    >>> Squares(workers=2).num_batches
    3
    """

    # Defaults on the class, so that a subclass whose __init__ calls no super().__init__() works too.
    _workers = 1
    _use_multiprocessing = False
    _max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self._workers = positive_integer(workers, "workers")
        self._use_multiprocessing = bool(use_multiprocessing)
        self._max_queue_size = positive_integer(max_queue_size, "max_queue_size")

    @property
    def workers(self) -> int:
        """How many threads or processes make batches."""
        return self._workers

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = positive_integer(value, "workers")

    @property
    def use_multiprocessing(self) -> bool:
        """Whether processes make batches."""
        return self._use_multiprocessing

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = bool(value)

    @property
    def max_queue_size(self) -> int:
        """How many batches may wait."""
        return self._max_queue_size

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = positive_integer(value, "max_queue_size")

    @property
    def num_batches(self) -> int | None:
        """Batches in an epoch; None: endless."""
        if hasattr(self, "__len__"):
            return len(self)  # type: ignore[arg-type]
        raise DataError(f"{type(self).__name__} needs __len__(), the number of batches in an epoch, or num_batches.")

    def __getitem__(self, index: int) -> Any:
        raise DataError(f"{type(self).__name__} needs __getitem__(index), which returns one batch.")

    def __iter__(self) -> Iterator[Any]:
        """The batches of one epoch, in order; endless where `num_batches` is None."""
        count = self.num_batches
        return (self[index] for index in (itertools.count() if count is None else range(count)))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch; the place to shuffle."""


Sequence = PyDataset


def is_py_dataset(x: Any) -> bool:
    """Whether `x` is a `PyDataset`, ours or Keras's own."""
    return isinstance(x, PyDataset) or (hasattr(x, "__getitem__") and hasattr(x, "on_epoch_end"))


def open_py_dataset(
    dataset: Any,
    prepare: Callable[[Iterator[Any]], Iterator[tuple[Any, ...]]],
    *,
    steps: int | None,
    carry: bool,
    shuffle: bool,
    name: str,
) -> StreamData:
    """A `PyDataset` as a stream; `shuffle` mixes the order of its batches."""

    def batches() -> int | None:
        number = dataset.num_batches if hasattr(dataset, "num_batches") else len(dataset)
        return None if number is None else positive_integer(number, f"The number of batches of {name}")

    length = batches()
    if length is None and steps is None:
        raise ArgumentError(
            f"{name} is endless (num_batches is None), so steps_per_epoch must say how many batches make an epoch."
        )
    workers = _Workers(dataset)

    def one_pass(generator: np.random.Generator, done: int = 0) -> Iterator[tuple[Any, ...]]:
        number = batches()  # which on_epoch_end may have changed
        if number is None:
            indices: Iterable[int] = itertools.count(done)
        else:
            indices = (generator.permutation(number).tolist() if shuffle else range(number))[done:]
        return prepare(workers.batches(indices))

    return StreamData(
        one_pass,
        steps,
        length=length,
        carry=carry,
        on_begin=getattr(dataset, "on_epoch_begin", None),
        on_end=getattr(dataset, "on_epoch_end", None),
        prefetch=getattr(dataset, "max_queue_size", 10),
        name=name,
        seek=one_pass,
    )


class _Workers:
    """Makes a dataset's batches in the order asked for, with as many workers as it wants."""

    def __init__(self, dataset: Any):
        self._dataset = dataset
        self._processes: ProcessPoolExecutor | None = None
        self._sent = b""

    def batches(self, indices: Iterable[int]) -> Iterator[Any]:
        dataset = self._dataset
        count = getattr(dataset, "workers", 1)
        ahead = max(getattr(dataset, "max_queue_size", 10), count)
        if getattr(dataset, "use_multiprocessing", False):
            yield from in_order_of(self._process_pool(count), _item, indices, ahead)
        elif count > 1:
            yield from in_order(dataset.__getitem__, indices, count, ahead)
        else:
            for index in indices:
                yield dataset[index]

    def _process_pool(self, count: int) -> ProcessPoolExecutor:
        """Processes that hold the dataset as it is now; those of the last epoch, if it has not changed since."""
        try:
            sent = pickle.dumps(self._dataset)
        except Exception as error:
            raise ArgumentError(
                f"use_multiprocessing=True sends the dataset to other processes, but {type(self._dataset).__name__} "
                "cannot be "
                f"pickled: {error}. Define its class at the top of a module, or use threads "
                "(use_multiprocessing=False)."
            ) from error
        if self._processes is None or sent != self._sent:
            import multiprocessing  # these two take milliseconds to import, and few people need them
            from concurrent.futures import ProcessPoolExecutor

            self.close()
            self._processes = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _receive, (sent,))
            self._sent = sent
        return self._processes

    def close(self) -> None:
        """Let the processes go."""
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)
            self._processes = None

    def __del__(self) -> None:
        self.close()


_received: Any = None


def _receive(sent: bytes) -> None:
    """In a worker process: take the dataset that the parent sent."""
    global _received
    _received = pickle.loads(sent)


def _item(index: int) -> Any:
    return _received[index]
