"""What the data sets of texts share: sequences of word numbers, shifted, limited and cut as their arguments say.

Millions of numbers go through this, so all sequences lie in one array, with their lengths beside it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import ArgumentError, DataError

__all__ = ["Words", "read_word_index", "shuffled"]

_LARGEST_INDEX = 64 << 20  # bytes of JSON


def shuffled(x: np.ndarray, y: np.ndarray, generator: np.random.RandomState) -> tuple[Words, np.ndarray]:
    """Sequences and labels in one random order.

    Raises:
        DataError: not as many labels as sequences.
    """
    if len(x) != len(y):
        raise DataError(f"There must be a label for each sequence. Received: {len(x)} sequences and {len(y)} labels")
    order = np.arange(len(x))
    generator.shuffle(order)
    return Words.of(x[order]), y[order]


class Words(NamedTuple):
    """Sequences one after the other, int64 (words,), and how many words each has, int64 (sequences,)."""

    numbers: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]] | np.ndarray) -> Words:
        """The sequences in lists.

        Raises:
            DataError: they hold no words, or something else.
        """
        try:
            lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
            numbers = np.fromiter(itertools.chain.from_iterable(sequences), np.int64, int(lengths.sum()))
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(f"The sequences must be lists of word numbers: {error}") from error
        if not len(numbers):
            raise DataError("The sequences hold no words.")
        return cls(numbers, lengths)

    def marked(self, start_char: int | None, index_from: int | None) -> Words:
        """Numbers raised by `index_from`, and `start_char` before each sequence, if there is one."""
        raised = self.numbers + (index_from or 0)
        if start_char is None:
            return Words(raised, self.lengths)
        out = np.full(len(raised) + len(self.lengths), start_char, np.int64)
        is_word = np.ones(len(out), bool)
        is_word[np.cumsum(self.lengths + 1) - (self.lengths + 1)] = False
        out[is_word] = raised
        return Words(out, self.lengths + 1)

    def shorter_than(self, maxlen: int, labels: np.ndarray) -> tuple[Words, np.ndarray]:
        """The sequences with fewer than `maxlen` words; longer ones are left out, as Keras does.

        Raises:
            ArgumentError: there is none.
        """
        kept = self.lengths < maxlen
        if not kept.any():
            raise ArgumentError(f"No sequence has fewer than maxlen={maxlen} words. Increase maxlen.")
        return Words(self.numbers[np.repeat(kept, self.lengths)], self.lengths[kept]), labels[kept]

    def limited(self, limit: int, skip_top: int, oov_char: int | None) -> Words:
        """Words from `skip_top` up to below `limit`; others become `oov_char`, or go away where that is None."""
        inside = (self.numbers >= skip_top) & (self.numbers < limit)
        if oov_char is not None:
            return Words(np.where(inside, self.numbers, oov_char), self.lengths)
        kept = np.concatenate([[0], np.cumsum(inside)])[np.cumsum(self.lengths)]
        return Words(self.numbers[inside], np.diff(kept, prepend=0))

    def lists(self) -> np.ndarray:
        """An array of lists, (sequences,)."""
        out, numbers, start = np.empty(len(self.lengths), object), self.numbers.tolist(), 0
        for i, length in enumerate(self.lengths.tolist()):
            out[i] = numbers[start : start + length]
            start += length
        return out


def read_word_index(path: Path) -> dict[str, int]:
    """A table from words to numbers, from JSON.

    Raises:
        DataError: another kind of file.
    """
    if path.stat().st_size > _LARGEST_INDEX:
        raise DataError(f"{path} is too large to be a table of words.")
    try:
        table: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    if not isinstance(table, dict) or not set(map(type, table.values())) <= {int}:
        raise DataError(f"{path} must hold one table from words to integers.")
    return table
