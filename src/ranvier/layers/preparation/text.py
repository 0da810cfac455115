"""Texts cleaned, split into tokens, and tokens joined to n-grams: plain Python on plain strings.

Letters are lowered, and white space and punctuation recognised, in ASCII only, as Keras's layers do.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...core.errors import DataError
from .host import host_array, text_array

__all__ = ["SPLITS", "STANDARDIZERS", "ngrams", "split", "standardize"]

_LOWER = {ord(a): b for a, b in zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)}
_NO_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
STANDARDIZERS: dict[str, dict[int, Any]] = {
    "lower": _LOWER,
    "strip_punctuation": _NO_PUNCTUATION,
    "lower_and_strip_punctuation": _LOWER | _NO_PUNCTUATION,
}
SPLITS: dict[str, Callable[[str], list[str]]] = {
    "whitespace": re.compile(r"[^ \t\n\r\v\f]+").findall,
    "character": list,
}


def standardize(texts: np.ndarray, how: Any, encoding: str) -> np.ndarray:
    """The texts of an object array, cleaned: by a name in `STANDARDIZERS`, or a callable on an array of strings."""
    if how is None:
        return texts
    if callable(how):
        return text_array(how(texts.astype(str)), encoding)
    table = STANDARDIZERS[how]
    cleaned = np.empty(texts.size, object)
    cleaned[:] = [text.translate(table) for text in texts.ravel().tolist()]
    return cleaned.reshape(texts.shape)


def split(texts: Sequence[str], how: Any, encoding: str) -> list[list[str]]:
    """The tokens of each text: by a name in `SPLITS`, or a callable on an array of strings that gives rows."""
    if not callable(how):
        return [SPLITS[how](text) for text in texts]
    rows: Any = how(np.asarray(texts, str))
    rows = rows.to_list() if hasattr(rows, "to_list") else host_array(rows) if hasattr(rows, "dtype") else list(rows)
    if len(rows) != len(texts):
        raise DataError(f"The callable `split` gave {len(rows)} rows for {len(texts)} texts.")
    return [[t.decode(encoding) if isinstance(t, bytes) else str(t) for t in row] for row in rows]


def ngrams(tokens: Sequence[str], sizes: Iterable[int]) -> list[str]:
    """The runs of tokens of each size, joined by spaces.

    >>> ngrams(["a", "b", "c"], (1, 2))
    ['a', 'b', 'c', 'a b', 'b c']
    """
    return [" ".join(tokens[i : i + n]) for n in sizes for i in range(len(tokens) - n + 1)]
