"""Data on its way in: whatever users give to `fit`, `evaluate` and `predict`, as arrays or as a stream of batches."""

from .adapt import make_data
from .packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from .pipeline import Dataset
from .py_dataset import PyDataset, Sequence
from .sources import ArrayData, StreamData
from .split import split

__all__ = [
    "ArrayData",
    "Dataset",
    "PyDataset",
    "Sequence",
    "StreamData",
    "make_data",
    "pack_x_y_sample_weight",
    "split",
    "unpack_x_y_sample_weight",
]
