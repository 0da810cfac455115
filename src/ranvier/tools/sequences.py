"""Sequences of different lengths in one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, DataError

__all__ = ["pad_sequences"]


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences filled up, or cut, to one length.

    Args:
        sequences: lists or arrays, each (length, …).
        maxlen: the common length; None: that of the longest.
        dtype: the dtype of the result; `object` for strings.
        padding: "pre" to fill at the front, "post" at the end.
        truncating: "pre" to cut at the front, "post" at the end.
        value: what to fill with.

    Returns:
        An array of shape (sequences, maxlen, …).

    Raises:
        ArgumentError: an unknown `padding` or `truncating`, a negative `maxlen`, a `value` that `dtype` cannot hold.
        DataError: no sequences, something that is no sequence, or entries of different shapes.

    >>> pad_sequences([[1, 2, 3], [4]])
    array([[1, 2, 3],
           [0, 0, 4]], dtype=int32)
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ArgumentError(f"{name} must be 'pre' or 'post'. Received: {name}={given!r}")
    if not hasattr(sequences, "__len__") or len(sequences) == 0:
        raise DataError(f"sequences must be a list of at least one sequence. Received: sequences={sequences!r}")
    for i, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise DataError(f"sequences must be a list of lists or arrays. Received: sequences[{i}] = {sequence!r}")
    if maxlen is None:
        maxlen = max(len(sequence) for sequence in sequences)
    if maxlen < 0:
        raise ArgumentError(f"maxlen must be at least 0. Received: maxlen={maxlen!r}")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ArgumentError(f"value={value!r} is a string, which dtype={dtype!r} cannot hold. Pass dtype=object.")
    shape = next((np.shape(sequence)[1:] for sequence in sequences if len(sequence)), ())
    out = np.full((len(sequences), maxlen, *shape), value, dtype=dtype)
    for i, sequence in enumerate(sequences):
        kept = sequence[max(len(sequence) - maxlen, 0) :] if truncating == "pre" else sequence[:maxlen]
        if not len(kept):
            continue
        kept = np.asarray(kept, dtype=dtype)
        if kept.shape[1:] != shape:
            raise DataError(f"The entries of sequences[{i}] have shape {kept.shape[1:]}, those before it {shape}.")
        out[i, slice(maxlen - len(kept), maxlen) if padding == "pre" else slice(len(kept))] = kept
    return out
