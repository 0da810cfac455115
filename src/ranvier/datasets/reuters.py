"""Reuters newswires of 1987 (D. Lewis's Reuters-21578): 11,228 texts as sequences of word numbers, 46 topics."""

from __future__ import annotations

import os

import numpy as np

from ..core.errors import ArgumentError
from .archive import read_arrays
from .sources import find
from .words import read_word_index, shuffled

__all__ = ["get_label_names", "get_word_index", "load_data"]

Split = tuple[np.ndarray, np.ndarray]

_TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee", "sugar",
    "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp",
    "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal", "livestock", "retail", "ipi", "iron-steel",
    "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip


def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Split, Split]:
    """The training and the test newswires; words are numbered by how often they occur.

    Args:
        path: the name in the cache, or an ``.npz`` file of the same form.
        num_words: only numbers below it are kept; None: below the largest that there is.
        skip_top: numbers below it are not kept.
        maxlen: only sequences with fewer words are kept; None: all.
        test_split: the share of the test texts, from 0 to 1.
        seed: for the order.
        start_char: stands before each sequence; None: nothing does.
        oov_char: stands for words that are not kept; None: they go away.
        index_from: added to all word numbers.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: arrays of lists of integers, and labels int64, 0 to 45.

    Raises:
        ArgumentError: a `maxlen` that leaves no sequence, a `test_split` outside 0 to 1.
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    if not 0 <= test_split <= 1:
        raise ArgumentError(f"test_split must lie between 0 and 1. Received: test_split={test_split!r}")
    x, y = read_arrays(find("reuters.npz", path), ("x", "y"), lists=True)
    words, y = shuffled(x, y, np.random.RandomState(seed))
    words = words.marked(start_char, index_from)
    if maxlen:
        words, y = words.shorter_than(maxlen, y)
    # Without num_words the largest number is the limit, and so is out itself: Keras's rule, whose numbers programs know.
    x = words.limited(num_words or int(words.numbers.max()), skip_top, oov_char).lists()
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def get_word_index(path: str | os.PathLike[str] = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, from 1, before `index_from` is added.

    Args:
        path: the name in the cache, or a JSON file of the same form.

    Raises:
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    return read_word_index(find("reuters_word_index.json", path))


def get_label_names() -> tuple[str, ...]:
    """The 46 topics, in the order of their labels.

    >>> get_label_names()[3]
    'earn'
    """
    return _TOPICS
