"""`Dataset`: elements that can be gone through again and again, changed step by step on the way.

The steps have the names and the meaning of ``tf.data``'s, which Keras programs use; elements are NumPy arrays, nested
in tuples and dicts. Nothing happens before someone goes through the elements, and then only as far as they go.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, DataError
from ..core.random import child_generator
from .checks import positive_integer
from .prefetch import in_order, prefetched

__all__ = ["Dataset", "stack"]

_AUTOTUNE = -1  # as tf.data spells "choose for me"
_AHEAD = 2

INFINITE, UNKNOWN = -1, -2  # what `cardinality` says


class Dataset:
    """Elements, or batches of them, to go through as often as wanted; `fit`, `evaluate` and `predict` take it as it is.

    Args:
        make_iterator: begins a pass; called each time that someone does.
        length: how many elements a pass has; None: unknown; -1: without end.
        class_names: what the labels stand for, if they stand for something.
        file_paths: where the elements come from, if from files.

    >>> dataset = Dataset.range(5).map(lambda n: n * n).batch(2)
    >>> [batch.tolist() for batch in dataset]
    [[0, 1], [4, 9], [16]]
    >>> len(dataset)
    3
    """

    def __init__(
        self,
        make_iterator: Callable[[], Iterator[Any]],
        length: int | None = None,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
    ):
        self._make_iterator = make_iterator
        self._length = length
        self.class_names = class_names
        self.file_paths = file_paths

    @staticmethod
    def range(*args: int) -> Dataset:
        """The integers of Python's ``range``."""
        numbers = range(*args)
        return Dataset(lambda: (np.int64(n) for n in numbers), len(numbers))

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """The rows of arrays, nested in tuples and dicts, with the same number of rows.

        Raises:
            DataError: no arrays, or other numbers of rows in one than in another.
        """
        return RowDataset(jax.tree.map(np.asarray, tensors, is_leaf=lambda x: isinstance(x, list)))

    @staticmethod
    def from_generator(generator: Callable[[], Iterable[Any]], *args: Any, **kwargs: Any) -> Dataset:
        """The elements of ``generator()``, which is called for each pass; further arguments describe shapes, in tf.data."""
        return Dataset(lambda: iter(generator()))

    @staticmethod
    def zip(*datasets: Any) -> Dataset:
        """Tuples of one element of each, as long as all have one."""
        parts = datasets[0] if len(datasets) == 1 and isinstance(datasets[0], (tuple, list)) else datasets
        lengths = [_length(d) for d in parts]
        finite = [n for n in lengths if n != INFINITE]
        length = INFINITE if not finite else None if None in finite else min(n for n in finite if n is not None)
        return Dataset(lambda: zip(*map(_elements, parts), strict=False), length)

    def __iter__(self) -> Iterator[Any]:
        return self.elements()

    def elements(self) -> Iterator[Any]:
        """One pass over the elements, as the steps hand them on."""
        return self._make_iterator()

    def __len__(self) -> int:
        if self._length is None or self._length < 0:
            raise TypeError(f"The length of this dataset is {'unknown' if self._length is None else 'infinite'}.")
        return self._length

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        count = {None: "an unknown number of", INFINITE: "endless"}.get(self._length, self._length)
        return f"<Dataset: {count} elements>"

    @property
    def endless(self) -> bool:
        """Whether a pass never ends."""
        return self._length == INFINITE

    def cardinality(self) -> int:
        """How many elements a pass has; -1: without end, -2: unknown."""
        return UNKNOWN if self._length is None else self._length

    def as_numpy_iterator(self) -> Iterator[Any]:
        """One pass, every leaf as NumPy."""
        return (jax.tree.map(np.asarray, element) for element in self.elements())

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """`map_func` of each element; a tuple's parts come as separate arguments.

        Args:
            map_func: plain Python, NumPy, ranvier's layers and functions, or jax.
            num_parallel_calls: more than 1: so many threads call it. None and AUTOTUNE (-1): one after the other, so
                that random layers draw the same in every run.
            deterministic: accepted; the order always stays.
            name: accepted.
        """
        threads = (
            1 if num_parallel_calls in (None, _AUTOTUNE) else positive_integer(num_parallel_calls, "num_parallel_calls")
        )

        def call(element: Any) -> Any:
            return map_func(*element) if isinstance(element, tuple) else map_func(element)

        if threads == 1:
            return self._next(lambda: (call(element) for element in self.elements()), self._length)
        return self._next(lambda: in_order(call, self.elements(), threads, _AHEAD * threads), self._length)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which `predicate` is true; a tuple's parts come as separate arguments."""

        def keep(element: Any) -> bool:
            return bool(predicate(*element) if isinstance(element, tuple) else predicate(element))

        return self._next(
            lambda: (element for element in self.elements() if keep(element)), INFINITE if self.endless else None
        )

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """So many elements stacked along a new first axis.

        Args:
            batch_size: elements in a batch.
            drop_remainder: leave out an incomplete last batch.
            num_parallel_calls: accepted.
            deterministic: accepted.
            name: accepted.
        """
        size = positive_integer(int(batch_size), "batch_size")

        def batches() -> Iterator[Any]:
            elements = self.elements()
            while group := list(itertools.islice(elements, size)):
                if len(group) == size or not drop_remainder:
                    yield stack(group)

        return self._next(batches, _batches(self._length, size, drop_remainder))

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element, one by one."""

        def rows() -> Iterator[Any]:
            for element in self.elements():
                leaves, tree = jax.tree.flatten(element)
                for row in zip(*map(np.asarray, leaves), strict=True):
                    yield jax.tree.unflatten(tree, row)

        return self._next(rows, INFINITE if self.endless else None)

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; -1: all."""
        if count < 0:
            return self
        length = None if self._length is None else count if self.endless else min(count, self._length)
        return self._next(lambda: itertools.islice(self.elements(), count), length)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements; -1: none."""
        if count < 0:
            return self.take(0)
        length = self._length if self._length is None or self.endless else max(self._length - count, 0)
        return self._next(lambda: itertools.islice(self.elements(), count, None), length)

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every element whose number leaves `index` when divided by `num_shards`."""
        if not 0 <= index < num_shards:
            raise ArgumentError(f"index must lie in [0, num_shards). Received: num_shards={num_shards}, index={index}")
        length = self._length if self._length is None or self.endless else len(range(index, self._length, num_shards))
        return self._next(lambda: itertools.islice(self.elements(), index, None, num_shards), length)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """One pass after the other, `count` times; None and -1: without end."""
        if count is None or count < 0:
            passes: Callable[[], Iterable[Any]] = itertools.count
            length = INFINITE if self._length != 0 else 0
        else:
            passes = lambda: range(count)  # noqa: E731
            length = self._length if self._length is None or self.endless else self._length * count

        def elements() -> Iterator[Any]:
            for _ in passes():
                empty = True
                for element in self.elements():
                    empty = False
                    yield element
                if empty:
                    return  # for ever nothing

        return self._next(elements, length)

    def concatenate(self, dataset: Any, name: str | None = None) -> Dataset:
        """These elements, then those of `dataset`."""
        other = _length(dataset)
        if self.endless or other == INFINITE:
            length: int | None = INFINITE
        else:
            length = None if self._length is None or other is None else self._length + other
        return self._next(lambda: itertools.chain(self.elements(), _elements(dataset)), length)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Pairs of number and element."""
        return self._next(lambda: ((np.int64(i), e) for i, e in enumerate(self.elements(), start)), self._length)

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = True,
        name: str | None = None,
    ) -> Dataset:
        """The elements in a random order, another one in each pass.

        Args:
            buffer_size: from how many elements the next one is drawn; at least the length: any order is equally likely.
            seed: an integer for the same orders in every run.
            reshuffle_each_iteration: False for the same order in every pass.
            name: accepted.
        """
        size = positive_integer(int(buffer_size), "buffer_size")
        generators = _Generators(seed, reshuffle_each_iteration is not False)

        def elements() -> Iterator[Any]:
            generator, buffer = generators.next(), []
            for element in self.elements():
                if len(buffer) < size:
                    buffer.append(element)
                    continue
                place = int(generator.integers(size))
                buffer[place], element = element, buffer[place]
                yield element
            for place in generator.permutation(len(buffer)):
                yield buffer[place]

        return self._next(elements, self._length)

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """The elements kept in memory from the first whole pass on.

        Raises:
            ArgumentError: a `filename`; only memory is used.
        """
        if filename:
            raise ArgumentError(f"cache() keeps elements in memory, not in files. Received: filename={filename!r}")
        kept: list[Any] = []
        complete = False

        def elements() -> Iterator[Any]:
            nonlocal complete
            if complete:
                yield from kept
                return
            seen = []
            for element in self.elements():
                seen.append(element)
                yield element
            kept[:], complete = seen, True

        return self._next(elements, self._length)

    def prefetch(self, buffer_size: int | None = None, name: str | None = None) -> Dataset:
        """The same elements, made by a thread up to `buffer_size` ahead; None and AUTOTUNE (-1): two."""
        depth = _AHEAD if buffer_size is None or buffer_size < 0 else int(buffer_size)
        return self._next(lambda: prefetched(self.elements, depth), self._length)

    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """``transformation_func(self)``."""
        return transformation_func(self)

    def with_options(self, options: Any = None, name: str | None = None) -> Dataset:
        """The same elements: there are no options to choose."""
        return self

    def _next(self, make_iterator: Callable[[], Any], length: int | None) -> Dataset:
        return Dataset(make_iterator, length, self.class_names)


class RowDataset(Dataset):
    """The rows of arrays in memory; whole batches of them are taken at once.

    Args:
        arrays: nested arrays with the same number of rows.
        orders: which rows a pass goes through, drawn at its beginning; None: all, as they are.
        length: how many those are.
    """

    def __init__(self, arrays: Any, orders: Callable[[], np.ndarray] | None = None, length: int | None = None):
        shapes = [leaf.shape for leaf in jax.tree.leaves(arrays)]
        if () in shapes or len({shape[0] for shape in shapes if shape}) != 1:
            raise DataError(f"All arrays must have the same number of rows. Received: shapes {shapes[:8]}")
        self._arrays = arrays
        count = int(shapes[0][0]) if length is None else length
        self._orders = orders or (lambda: np.arange(count))
        super().__init__(self._rows, count)

    def _rows(self) -> Iterator[Any]:
        for i in self._orders():
            yield jax.tree.map(lambda leaf, i=i: leaf[i], self._arrays)

    def batch(self, batch_size: int, drop_remainder: bool = False, *args: Any, **kwargs: Any) -> Dataset:
        """So many rows at a time, taken from the arrays in one step."""
        size = positive_integer(int(batch_size), "batch_size")

        def batches() -> Iterator[Any]:
            order = self._orders()
            for start in range(0, len(order) - (size - 1 if drop_remainder else 0), size):
                yield jax.tree.map(lambda leaf, rows=order[start : start + size]: leaf[rows], self._arrays)

        return self._next(batches, _batches(self._length, size, drop_remainder))

    def shuffle(self, buffer_size: int, seed: int | None = None, *args: Any, **kwargs: Any) -> Dataset:
        """The rows in a random order, as `Dataset.shuffle`; no buffer is needed where it would hold all."""
        if buffer_size < len(self) or kwargs.get("reshuffle_each_iteration") is False or args:
            return super().shuffle(buffer_size, seed, *args, **kwargs)
        generators = _Generators(seed, True)
        return self._in_order(lambda: generators.next().permutation(self._orders()))

    def _in_order(self, orders: Callable[[], np.ndarray]) -> Any:
        """The same arrays, gone through in other orders."""
        return RowDataset(self._arrays, orders, self._length)


class _Generators:
    """The generator of each pass: one that goes on, or the same again and again."""

    def __init__(self, seed: int | None, goes_on: bool):
        self._seed = int(child_generator().integers(2**63)) if seed is None else int(seed) % 2**64
        self._generator = np.random.default_rng(self._seed) if goes_on else None

    def next(self) -> np.random.Generator:
        return np.random.default_rng(self._seed) if self._generator is None else self._generator.spawn(1)[0]


def stack(elements: list[Any]) -> Any:
    """Elements of one structure as one element whose leaves have a new first axis; text as an array of objects.

    Raises:
        DataError: shapes or structures that differ.
    """
    first = elements[0]
    if isinstance(first, tuple):
        return tuple(stack(list(column)) for column in zip(*elements, strict=True))
    if isinstance(first, dict):
        return {key: stack([element[key] for element in elements]) for key in first}
    if isinstance(first, (str, bytes)):
        out = np.empty(len(elements), object)
        out[:] = elements
        return out
    arrays = [np.asarray(element) for element in elements]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise DataError(
            f"A batch needs elements of one shape. Received: shapes {', '.join(map(str, sorted(shapes)[:4]))}. Resize, crop "
            "or pad them before batch()."
        )
    if arrays[0].dtype == object:
        raise ArgumentTypeError(f"A batch is made of numbers and text. Received: {type(first).__name__}")
    return np.stack(arrays)


def _batches(length: int | None, size: int, drop_remainder: bool) -> int | None:
    if length is None or length == INFINITE:
        return length
    return length // size if drop_remainder else -(-length // size)


def _elements(dataset: Any) -> Iterator[Any]:
    return dataset.elements() if isinstance(dataset, Dataset) else iter(dataset)


def _length(dataset: Any) -> int | None:
    if isinstance(dataset, Dataset):
        return dataset._length
    try:
        return len(dataset)
    except TypeError:
        return None
