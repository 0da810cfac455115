"""The two forms that training data takes: arrays in memory (`ArrayData`), or batches that come by (`StreamData`)."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from ..core.errors import DataError, DataWarning
from ..core.random import host_generator
from ..core.tracebacks import outside
from .lazy import take
from .prefetch import Allowance, prefetched

__all__ = ["ArrayData", "StreamData", "epoch_order"]


def epoch_order(
    size: int, batch_size: int, shuffle: bool | Literal["batch"], generator: np.random.Generator
) -> np.ndarray | None:
    """The order of the samples in an epoch, (size,) int32; None: as they are.

    True mixes all samples; ``"batch"`` mixes the batches and keeps each one's rows together, as files like to be read,
    with an incomplete last batch last.
    """
    if not shuffle:
        return None
    if shuffle != "batch":
        return generator.permutation(size).astype(np.int32)
    batch_size = min(batch_size, size)
    full = size // batch_size
    order = np.arange(size, dtype=np.int32)
    order[: full * batch_size] = (
        order[: full * batch_size].reshape(full, batch_size)[generator.permutation(full)].reshape(-1)
    )
    return order


@dataclass(eq=False)
class ArrayData:
    """Data that is all in memory.

    Args:
        arrays: (x,), (x, y) or (x, y, sample_weight), each nested lists, tuples and dicts of NumPy or jax arrays
            with `size` rows.
        size: the number of samples.
        batch_size: samples in a batch; the last batch of an epoch has what is left.
        shuffle: True: all samples anew each epoch; "batch": the order of the batches; False: as they are.
    """

    arrays: tuple[Any, ...]
    size: int
    batch_size: int
    shuffle: bool | Literal["batch"] = False

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.size // self.batch_size)

    def order(self, generator: np.random.Generator) -> np.ndarray | None:
        """This epoch's order of the samples, (size,) int32, or None for the order in which they are."""
        return epoch_order(self.size, self.batch_size, self.shuffle, generator)

    def peek(self) -> tuple[Any, ...]:
        """The first batch, unshuffled, as NumPy arrays."""
        return jax.tree.map(lambda leaf: take(leaf, slice(0, self.batch_size)), self.arrays)


class StreamData:
    """Data that comes in batches.

    Args:
        make_iterator: gives an iterator over one pass's batches, from the generator that shuffles; the batches are
            tuples (x, y, sample_weight) of length 1 to 3 whose leaves are NumPy arrays.
        steps: batches in an epoch, if the user says so.
        carry: whether an epoch of `steps` goes on where the last one stopped, as training does, or starts from the
            beginning, as validation does.
        length: batches in a pass, if known.
        one_shot: whether there is only one pass, as with a generator.
        on_begin, on_end: called at the edges of each epoch.
        prefetch: how many batches a thread reads ahead; 0: none, and no thread.
        name: what messages call the data.
        seek: gives an iterator over what is left of one pass after so many batches, without making those.
    """

    def __init__(
        self,
        make_iterator: Callable[[np.random.Generator], Iterator[tuple[Any, ...]]],
        steps: int | None = None,
        *,
        carry: bool = True,
        length: int | None = None,
        one_shot: bool = False,
        on_begin: Callable[[], Any] | None = None,
        on_end: Callable[[], Any] | None = None,
        prefetch: int = 10,
        name: str = "x",
        seek: Callable[[np.random.Generator, int], Iterator[tuple[Any, ...]]] | None = None,
    ):
        self.steps = length if steps is None else steps
        self.exhausted = False
        self._make_iterator = make_iterator
        self._limit = steps
        self._carry = one_shot or (carry and steps is not None)
        self.one_shot = one_shot
        self._on_begin, self._on_end = on_begin, on_end
        self._prefetch = prefetch
        self._name = name
        self._generator = np.random.default_rng(int(host_generator().integers(2**63)))
        self._pass: Iterator[tuple[Any, ...]] | None = None
        self._allowance = Allowance(0 if one_shot else None)
        self._peeked: tuple[Any, ...] | None = None
        self._begun = False
        # Where the stream stands, for going on later: passes over whole epochs, and a place in the present pass.
        self._seek = seek
        self._epochs = self._taken = self._skip = 0
        self._at_pass = self._generator.bit_generator.state

    def peek(self) -> tuple[Any, ...]:
        """The first batch of the coming epoch, which will still be part of it.

        Raises:
            DataError: there is none.
        """
        if self._peeked is None:
            self._begin()
            self._peeked = self._next()
        if self._peeked is None:
            raise DataError(f"{self._name} gave no batch at all: the generator or dataset is empty.")
        return self._peeked

    def has_run_out(self) -> bool:
        """Whether the data can be passed only once and that is over; a warning says so."""
        if self.one_shot and self._peeked is None:
            self._begin()
            self._peeked = self._next()
            if self._peeked is None:
                self._warn_if_short(0)
                return True
        return False

    def batches(self, done: int = 0, ahead: bool = True) -> Iterator[tuple[Any, ...]]:
        """The batches of one epoch. Of a generator, no batch is drawn that this epoch does not ask for.

        Args:
            done: so many of them are known; of these only the first is given, as a pattern of the others.
            ahead: whether a generator's may be drawn before they are wanted; False where any of them may be the last.
        """
        self._begin()
        count = 0
        if ahead:
            left = sys.maxsize if self._limit is None else self._limit - (self._peeked is not None)
            self._allowance.extend_to(self._taken + left)
        try:
            while self._limit is None or count < self._limit:
                batch = self._next()
                if batch is None and count == 0 and not self.exhausted:
                    batch = self._next()  # the last epoch ended with the pass: this one starts the next
                if batch is None:
                    self._warn_if_short(count)
                    break
                count += 1
                if count == 1 or count > done:
                    yield batch
                if count == 1 < done and self._seek is not None:
                    self._go_to(self._taken + done - 1)
                    count = done
        finally:
            if not self._carry:
                self._pass = None  # wherever this epoch stopped, the next starts from the beginning
            self._begun = False
            self._epochs += 1
            if self._on_end is not None:
                self._on_end()

    # --- going on where an earlier process stopped ------------------------------------------------------------------

    def mark(self) -> dict[str, Any]:
        """Between epochs: where the next will begin, as plain data."""
        fresh = self._pass is None and self._peeked is None and not self._skip
        return {
            "epochs": self._epochs,
            "generator": self._generator.bit_generator.state if fresh else self._at_pass,
            "taken": 0 if fresh else self._taken + self._skip - (self._peeked is not None),
        }

    def resume(self, mark: dict[str, Any]) -> None:
        """Go to where `mark` stood in an earlier process.

        Data with a `seek` goes there at once, but for the calls at the edges of epochs; of other data, all batches
        before are drawn again and dropped.
        """
        if self._seek is None:
            for _ in range(mark["epochs"]):
                for _ in self.batches():
                    pass
            return
        for _ in range(mark["epochs"]):
            self._begin()
            self._begun = False
            if self._on_end is not None:
                self._on_end()
        self._epochs = mark["epochs"]
        self._at_pass = mark["generator"]
        self._go_to(mark["taken"])

    def _go_to(self, place: int) -> None:
        """Let the next batch be the one at `place` in the pass."""
        self._generator.bit_generator.state = self._at_pass
        self._pass = self._peeked = None
        self._skip, self._taken = place, 0

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            if self._on_begin is not None:
                self._on_begin()

    def _next(self) -> tuple[Any, ...] | None:
        """The next batch, or None where a pass ends."""
        if self._peeked is not None:
            batch, self._peeked = self._peeked, None
            return batch
        if self.exhausted:
            return None
        if self._pass is None:
            make, seek, generator, skip = self._make_iterator, self._seek, self._generator, self._skip
            self._at_pass = generator.bit_generator.state
            self._taken, self._skip = skip, 0
            self._pass = prefetched(
                lambda: seek(generator, skip) if seek and skip else make(generator), self._prefetch, self._allowance
            )
        self._allowance.extend_to(self._taken + 1)
        try:
            batch = next(self._pass)
            self._taken += 1
            return batch
        except StopIteration:
            self._pass = None
            self.exhausted = self.one_shot
            return None

    def _warn_if_short(self, count: int) -> None:
        if self._limit is None and count > 0:
            return
        wanted = "" if self._limit is None else f" of the {self._limit} that were asked for"
        advice = (
            "A generator runs once: make it endless and give steps_per_epoch, or use a PyDataset."
            if self.one_shot
            else ""
        )
        warnings.warn(
            f"{self._name} ran out of data: this epoch has {count} batches{wanted}. {advice}".rstrip(),
            DataWarning,
            stacklevel=outside(),
        )
