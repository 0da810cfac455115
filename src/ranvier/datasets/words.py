"""What the data sets of texts share: sequences of word numbers, shifted, limited and cut as their arguments say."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np

from ..core.errors import ArgumentError, DataError

__all__ = ["limit_words", "mark_and_shift", "object_array", "read_word_index", "shorter_than", "shuffled"]

_LARGEST_INDEX = 64 << 20  # bytes of JSON


def shuffled(x: np.ndarray, y: np.ndarray, generator: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Both in one random order."""
    if len(x) != len(y):
        raise DataError(f"There must be a label for each sequence. Received: {len(x)} sequences and {len(y)} labels")
    order = np.arange(len(x))
    generator.shuffle(order)
    return x[order], y[order]


def mark_and_shift(sequences: np.ndarray, start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Word numbers raised by `index_from`, with `start_char` before each sequence, if there is one."""
    flat, lengths = _flat(sequences)
    if index_from:
        flat = flat + index_from
    pieces = _cut(flat, lengths)
    return pieces if start_char is None else [[start_char, *piece] for piece in pieces]


def shorter_than(maxlen: int, sequences: list[list[int]], labels: np.ndarray) -> tuple[list[list[int]], np.ndarray]:
    """The sequences with fewer than `maxlen` words; longer ones are left out, as Keras does.

    Raises:
        ArgumentError: there is none.
    """
    kept = np.array([len(sequence) < maxlen for sequence in sequences], bool)
    if not kept.any():
        raise ArgumentError(f"No sequence has fewer than maxlen={maxlen} words. Increase maxlen.")
    return [s for s, keep in zip(sequences, kept, strict=True) if keep], labels[kept]


def limit_words(
    sequences: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Words from `skip_top` up to `num_words`; others become `oov_char`, or go away where that is None.

    Without `num_words` the limit is the largest number there is, which is then out itself: that is Keras's rule, and
    programs count on its numbers.
    """
    flat, lengths = _flat(sequences)
    limit = num_words or int(flat.max())
    inside = (flat >= skip_top) & (flat < limit)
    if oov_char is not None:
        return _cut(np.where(inside, flat, oov_char), lengths)
    ends = np.concatenate([[0], np.cumsum(inside)])[np.cumsum(lengths)]
    return _cut(flat[inside], np.diff(ends, prepend=0))


def object_array(sequences: list[list[int]]) -> np.ndarray:
    """Lists of any lengths in one array."""
    out = np.empty(len(sequences), object)
    out[:] = sequences
    return out


def read_word_index(path: Path) -> dict[str, int]:
    """A table from words to numbers, from JSON.

    Raises:
        DataError: another kind of file.
    """
    if path.stat().st_size > _LARGEST_INDEX:
        raise DataError(f"{path} is too large to be a table of words.")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    if not isinstance(table, dict) or not set(map(type, table.values())) <= {int}:
        raise DataError(f"{path} must hold one table from words to integers.")
    return table


def _flat(sequences: np.ndarray | list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """All numbers in a row, and how many of them each sequence has."""
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    if lengths.sum() == 0:
        raise DataError("The sequences hold no words.")
    return np.fromiter(itertools.chain.from_iterable(sequences), np.int64, int(lengths.sum())), lengths


def _cut(flat: np.ndarray, lengths: np.ndarray) -> list[list[int]]:
    words, ends = flat.tolist(), np.cumsum(lengths).tolist()
    return [words[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]
