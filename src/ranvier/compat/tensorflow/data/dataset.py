"""`Dataset`: ``tf.data``'s, with tensors for elements."""

from __future__ import annotations

import glob
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import ArgumentError, DataError
from ....core.random import child_generator
from ....data import pipeline
from ....data.checks import positive_integer
from ..shapes import ShapeTensor, TensorSpec
from ..tensors import array_of
from .elements import as_stored, as_tensors, leaves_of, mapped, spec_of
from .mapping import each
from .steps import bucketed, called, chosen, drawn, fitted, interleaved, padded, shapes_of, unique, windows

__all__ = ["Dataset", "Options", "TextLineDataset", "assert_cardinality"]


class Options:
    """What TensorFlow's datasets can be told about how to run; accepted."""

    def __init__(self) -> None:
        self.__dict__["experimental_optimization"] = self.__dict__["autotune"] = self.__dict__["threading"] = (
            _Anything()
        )

    def __getattr__(self, name: str) -> Any:
        return _Anything()


class _Anything:
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()


class Dataset(pipeline.Dataset):
    """Elements, or batches of them, changed step by step; ``for`` gives tensors, `as_numpy_iterator` NumPy arrays.

    >>> from ranvier.compat import tensorflow as tf
    >>> dataset = tf.data.Dataset.range(5).map(lambda n: n * n).batch(2)
    >>> [batch.tolist() for batch in dataset]
    [[0, 1], [4, 9], [16]]
    """

    _spec: Any = None
    _batches = False

    def __iter__(self) -> Iterator[Any]:
        return (as_tensors(element) for element in self.elements())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """One pass, every leaf as NumPy."""
        return self.elements()

    def cardinality(self) -> Any:  # type: ignore[override]
        """How many elements a pass has; -1: without end, -2: unknown."""
        return np.asarray(super().cardinality(), np.int64).view(ShapeTensor)

    @property
    def element_spec(self) -> Any:
        """What elements are like: a `TensorSpec` for each leaf. The first element of a pass tells, where nobody said."""
        if self._spec is not None:
            return self._spec
        for element in self.elements():
            return spec_of(element, self._batches)
        raise DataError("An empty dataset does not say what its elements are like.")

    def __repr__(self) -> str:
        return f"<Dataset of {'?' if self._length is None else self._length} elements>"

    @staticmethod
    def of(dataset: pipeline.Dataset, batches: bool) -> Dataset:
        """The elements of another dataset, as tensors; `batches`: the last of them may be smaller."""
        found = Dataset(dataset.elements, dataset._length, dataset.class_names, dataset.file_paths)
        found._batches = batches
        return found

    # --- sources ------------------------------------------------------------------------------------------------------

    @staticmethod
    def range(*args: Any, output_type: Any = None, name: str | None = None) -> Dataset:
        """The integers of Python's ``range``."""
        numbers = range(*(int(a) for a in args))
        return Dataset(lambda: (np.asarray(n, np.int32) for n in numbers), len(numbers))

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        element = as_stored(tensors)
        return Dataset(lambda: iter([element]), 1)

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Any:
        """The rows of arrays, nested in tuples and dicts, with the same number of rows."""
        return Rows(as_stored(tensors))

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """The elements of ``generator(*args)``, which is called for each pass.

        Args:
            generator: gives elements: numbers, arrays, tuples and dicts of them.
            output_types: dtypes, in the structure of an element.
            output_shapes: shapes, in that structure.
            args: the generator's arguments.
            output_signature: a `TensorSpec` for each leaf, instead of types and shapes.
            name: accepted.

        Raises:
            DataError: an element that does not fit.
        """
        given = [np.asarray(array_of(a)) for a in args or ()]
        spec = output_signature
        if spec is None and output_types is not None:
            shapes = iter(shapes_of(output_types, output_shapes))
            spec = mapped(lambda dtype: TensorSpec(next(shapes), dtype), output_types)

        def elements() -> Iterator[Any]:
            for element in generator(*given):
                yield as_stored(element) if spec is None else fitted(element, spec)

        made = Dataset(elements)
        made._spec = spec
        return made

    @staticmethod
    def zip(*datasets: Any, name: str | None = None) -> Dataset:
        """Tuples (or dicts) of one element of each, as long as all have one."""
        structure = datasets[0] if len(datasets) == 1 and not isinstance(datasets[0], pipeline.Dataset) else datasets
        parts = leaves_of(structure)
        plain = pipeline.Dataset.zip(*parts) if len(parts) > 1 else pipeline.Dataset.zip((parts[0],))

        def elements() -> Iterator[Any]:
            for row in plain.elements():
                each_ = iter(row)
                yield mapped(lambda _: next(each_), structure)  # noqa: B023

        return Dataset(elements, plain._length)

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None, seed: Any = None, name: str | None = None) -> Any:
        """The names of the files that match a pattern or several; in random order unless ``shuffle=False``."""
        patterns = file_pattern if isinstance(file_pattern, (list, tuple)) else [file_pattern]
        files = sorted(path for p in patterns for path in glob.glob(str(p)))
        if not files:
            raise ArgumentError(f"No files match the pattern. Received: file_pattern={file_pattern!r}")
        found = Dataset.from_tensor_slices(np.asarray(files, object))
        return found if shuffle is False else found.shuffle(len(files), seed)

    @staticmethod
    def random(
        seed: int | None = None, rerandomize_each_iteration: bool | None = None, name: str | None = None
    ) -> Dataset:
        """Random integers without end."""
        start = int(child_generator().integers(2**31)) if seed is None else seed

        def elements() -> Iterator[Any]:
            generator = np.random.default_rng(start)
            while True:
                yield np.asarray(generator.integers(2**31), np.int32)

        return Dataset(elements, -1)

    @staticmethod
    def sample_from_datasets(
        datasets: Sequence[Any],
        weights: Any = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> Dataset:
        """Elements of one or another, drawn with these weights."""
        start = int(child_generator().integers(2**31)) if seed is None else seed
        return Dataset(lambda: drawn(datasets, weights, start, stop_on_empty_dataset))

    @staticmethod
    def choose_from_datasets(
        datasets: Sequence[Any], choice_dataset: Any, stop_on_empty_dataset: bool = True
    ) -> Dataset:
        """Elements of the datasets with the numbers that `choice_dataset` gives."""

        return Dataset(lambda: chosen(datasets, choice_dataset.elements(), stop_on_empty_dataset))

    # --- steps --------------------------------------------------------------------------------------------------------

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """`map_func` of each element; a tuple's parts come as separate arguments.

        The function is compiled, and elements of one shape are mapped many at a time. One that draws random numbers
        is called for each element; one that needs tensors' values, or handles text, runs as Python.
        """
        return self._next(lambda: each(map_func, self.elements()), self._length)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Any:
        """The elements for which `predicate` is true."""

        return self._next(
            lambda: (e for e in self.elements() if bool(called(predicate, e))), -1 if self.endless else None
        )

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> Any:
        """The elements before the first for which `predicate` is false."""

        return self._next(lambda: itertools.takewhile(lambda e: bool(called(predicate, e)), self.elements()), None)

    def batch(self, batch_size: Any, drop_remainder: bool = False, *args: Any, **kwargs: Any) -> Any:
        """So many elements stacked along a new first axis."""
        return _batched(super().batch(int(batch_size), drop_remainder), not drop_remainder)

    def rebatch(self, batch_size: Any, drop_remainder: bool = False, name: str | None = None) -> Any:
        """Batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def padded_batch(
        self,
        batch_size: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Any:
        """So many elements, padded to one shape (None: the largest of the batch), stacked.

        Args:
            batch_size: elements in a batch.
            padded_shapes: a shape for each leaf; None or -1 in it: the largest size of the batch.
            padding_values: a number for each leaf; None: 0.
            drop_remainder: leave out an incomplete last batch.
            name: accepted.
        """
        size = positive_integer(int(batch_size), "batch_size")

        def batches() -> Iterator[Any]:
            elements = self.elements()
            while group := list(itertools.islice(elements, size)):
                if len(group) == size or not drop_remainder:
                    yield padded(group, padded_shapes, padding_values)

        return _batched(self._next(batches, pipeline._batches(self._length, size, drop_remainder)), not drop_remainder)

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., Any],
        bucket_boundaries: Sequence[int],
        bucket_batch_sizes: Sequence[int],
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Any:
        """Batches of elements of similar length, padded."""

        return _batched(
            self._next(
                lambda: bucketed(
                    self.elements(),
                    element_length_func,
                    bucket_boundaries,
                    bucket_batch_sizes,
                    drop_remainder,
                    lambda group: padded(group, padded_shapes, padding_values),
                ),
                None,
            ),
            True,
        )

    def window(
        self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: bool = False, name: str | None = None
    ) -> Any:
        """Datasets of `size` elements, each beginning `shift` (None: `size`) after the one before, every `stride`-th element."""
        size, stride = positive_integer(int(size), "size"), positive_integer(int(stride), "stride")
        step = size if shift is None else positive_integer(int(shift), "shift")
        span = (size - 1) * stride + 1

        def made() -> Iterator[Any]:
            return windows(
                self.elements(), size, step, stride, drop_remainder, lambda part: Dataset(lambda: iter(part), len(part))
            )

        length = self._length
        if length is not None and length >= 0:
            length = max(0, (length - span) // step + 1) if drop_remainder else -(-length // step)
        return self._next(made, length)

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> Any:
        """The elements of the datasets that `map_func` gives for each element, one dataset after the other."""

        return self._next(lambda: itertools.chain.from_iterable(self._inner(map_func)), None)

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: int | None = None,
        block_length: int | None = None,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: str | None = None,
    ) -> Any:
        """As `flat_map`, with `cycle_length` (None: 1) datasets open and `block_length` elements of each in turn."""
        width, block = cycle_length if cycle_length and cycle_length > 0 else 1, block_length or 1

        return self._next(lambda: interleaved(self._inner(map_func), width, block), None)

    def _inner(self, map_func: Callable[..., Any]) -> Iterator[Iterator[Any]]:
        for element in self.elements():
            found = called(map_func, element)
            if not isinstance(found, pipeline.Dataset):
                raise DataError(f"map_func must give a Dataset. Received: {type(found).__name__}")
            yield found.elements()

    def scan(self, initial_state: Any, scan_func: Callable[..., Any], name: str | None = None) -> Any:
        """What ``state, output = scan_func(state, element)`` gives for each element."""

        def elements() -> Iterator[Any]:
            state = initial_state
            for element in self.elements():
                state, output = scan_func(state, as_tensors(element))
                yield as_stored(output)

        return self._next(elements, self._length)

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any], name: str | None = None) -> Any:
        """The last of ``state = reduce_func(state, element)``."""
        state = mapped(array_of, initial_state)
        for element in self.elements():
            state = reduce_func(state, as_tensors(element))
        return mapped(array_of, state)

    def unique(self, name: str | None = None) -> Any:
        """Each element once."""

        return self._next(lambda: unique(self.elements()), None)

    def enumerate(self, start: int = 0, name: str | None = None) -> Any:
        """Pairs of number and element."""
        return self._next(
            lambda: ((np.asarray(i, np.int32), e) for i, e in enumerate(self.elements(), start)), self._length
        )

    def shuffle(
        self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: Any = True, name: str | None = None
    ) -> Any:
        """The elements in a random order, another one in each pass."""
        return _batched(super().shuffle(int(buffer_size), seed, reshuffle_each_iteration), self._batches)

    def repeat(self, count: Any = None, name: str | None = None) -> Any:
        """One pass after the other, `count` times; None and -1: without end."""
        return _batched(super().repeat(None if count is None else int(count)), self._batches)

    def take(self, count: Any, name: str | None = None) -> Any:
        """The first `count` elements; -1: all."""
        return _batched(super().take(int(count)), self._batches)

    def skip(self, count: Any, name: str | None = None) -> Any:
        """All but the first `count` elements; -1: none."""
        return _batched(super().skip(int(count)), self._batches)

    def cache(self, filename: Any = "", name: str | None = None) -> Any:
        """The elements kept in memory from the first whole pass on (also where a file name is given)."""
        return _batched(super().cache(), self._batches)

    def prefetch(self, buffer_size: Any = None, name: str | None = None) -> Any:
        """The same elements, made by a thread ahead."""
        return _batched(super().prefetch(buffer_size), self._batches)

    def snapshot(self, path: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`cache`."""
        return self.cache()

    def apply(self, transformation_func: Callable[[Any], Any]) -> Any:
        """``transformation_func(self)``."""
        return transformation_func(self)

    def options(self) -> Options:
        """Options, which change nothing."""
        return Options()

    def get_single_element(self, name: str | None = None) -> Any:
        """The only element.

        Raises:
            DataError: there are none or several.
        """
        first = list(itertools.islice(self.elements(), 2))
        if len(first) != 1:
            raise DataError(f"The dataset must have one element. It has {'none' if not first else 'several'}.")
        return as_tensors(first[0])

    def ignore_errors(self, log_warning: bool = False, name: str | None = None) -> Any:
        """Without the elements that raise an error."""

        def elements() -> Iterator[Any]:
            iterator = self.elements()
            while True:
                try:
                    yield next(iterator)
                except StopIteration:
                    return
                except Exception:
                    continue

        return self._next(elements, None)

    def _next(self, make_iterator: Callable[[], Any], length: int | None) -> Any:
        return Dataset(make_iterator, length, self.class_names)


class Rows(Dataset, pipeline.RowDataset):
    """The rows of arrays in memory; whole batches of them are taken at once."""

    def __init__(self, arrays: Any, orders: Any = None, length: int | None = None):
        pipeline.RowDataset.__init__(self, arrays, orders, length)

    def batch(self, batch_size: Any, drop_remainder: bool = False, *args: Any, **kwargs: Any) -> Any:
        """So many rows at a time."""
        return _batched(pipeline.RowDataset.batch(self, int(batch_size), drop_remainder), not drop_remainder)

    def shuffle(
        self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: Any = True, name: str | None = None
    ) -> Any:
        """The rows in a random order, another one in each pass."""
        if reshuffle_each_iteration is False or int(buffer_size) < len(self):
            return Dataset.shuffle(self, buffer_size, seed, reshuffle_each_iteration)
        return pipeline.RowDataset.shuffle(self, int(buffer_size), seed)

    def _in_order(self, orders: Callable[[], np.ndarray]) -> Any:
        return Rows(self._arrays, orders, self._length)


class TextLineDataset(Dataset):
    """The lines of text files.

    Args:
        filenames: a file or several.
        compression_type: must be None or ``""``.
    """

    def __init__(
        self,
        filenames: Any,
        compression_type: Any = None,
        buffer_size: Any = None,
        num_parallel_reads: Any = None,
        name: Any = None,
    ):
        if compression_type:
            raise ArgumentError(f"Text files must not be compressed. Received: compression_type={compression_type!r}")
        files = [filenames] if isinstance(filenames, (str, bytes, Path)) else list(filenames)

        def lines() -> Iterator[Any]:
            for file in files:
                with open(file, encoding="utf-8") as stream:
                    for line in stream:
                        yield line.rstrip("\r\n")

        super().__init__(lines)


def assert_cardinality(expected_cardinality: int) -> Callable[[Any], Any]:
    """For `Dataset.apply`: says how many elements there are."""

    def apply(dataset: Any) -> Any:
        return dataset._next(dataset.elements, int(expected_cardinality))

    return apply


def _batched(dataset: Any, batches: bool) -> Any:
    dataset._batches = batches
    return dataset
