"""IMDB's film reviews, praising or not (A. Maas et al., ACL 2011): 50,000 texts as sequences of word numbers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..core.errors import ArgumentTypeError
from .archive import read_arrays
from .sources import find
from .words import read_word_index, shuffled

__all__ = ["get_word_index", "load_data"]

_NAMES = ("x_train", "y_train", "x_test", "y_test")

Split = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: Any,
) -> tuple[Split, Split]:
    """The training and the test reviews, 25,000 each; words are numbered by how often they occur.

    Args:
        path: the name in the cache, or an ``.npz`` file of the same form.
        num_words: only numbers below it are kept; None: below the largest that there is.
        skip_top: numbers below it are not kept.
        maxlen: only sequences with fewer words are kept; None: all.
        seed: for the order.
        start_char: stands before each sequence; None: nothing does.
        oov_char: stands for words that are not kept; None: they go away.
        index_from: added to all word numbers.
        **kwargs: `nb_words`, the old name of `num_words`.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: arrays of lists of integers, and labels int64, 1 for praise.

    Raises:
        ArgumentError: a `maxlen` that leaves no sequence.
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    num_words = kwargs.pop("nb_words", num_words)
    if kwargs:
        raise ArgumentTypeError(f"load_data() got unknown arguments: {', '.join(kwargs)}")
    x_train, y_train, x_test, y_test = read_arrays(find("imdb.npz", path), _NAMES, lists=True)
    generator = np.random.RandomState(seed)
    train, y_train = shuffled(x_train, y_train, generator)
    test, y_test = shuffled(x_test, y_test, generator)
    train, test = train.marked(start_char, index_from), test.marked(start_char, index_from)
    if maxlen:
        train, y_train = train.shorter_than(maxlen, y_train)
        test, y_test = test.shorter_than(maxlen, y_test)
    # Without num_words the largest number is the limit, and so is out itself: Keras's rule, whose numbers programs know.
    limit = num_words or int(max(train.numbers.max(), test.numbers.max()))
    train, test = train.limited(limit, skip_top, oov_char), test.limited(limit, skip_top, oov_char)
    return (train.lists(), y_train), (test.lists(), y_test)


def get_word_index(path: str | os.PathLike[str] = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, from 1, before `index_from` is added.

    Args:
        path: the name in the cache, or a JSON file of the same form.

    Raises:
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    return read_word_index(find("imdb_word_index.json", path))
