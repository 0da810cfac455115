"""`keras.preprocessing.sequence`: sequences of different lengths."""

from ..tools.sequences import pad_sequences

__all__ = ["pad_sequences"]
