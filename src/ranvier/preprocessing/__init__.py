"""`keras.preprocessing`: data from folders and arrays."""

from ..tools.folder_datasets import image_dataset_from_directory, text_dataset_from_directory
from ..tools.time_series import timeseries_dataset_from_array
from . import image, sequence

__all__ = [
    "image", "image_dataset_from_directory", "sequence", "text_dataset_from_directory", "timeseries_dataset_from_array",
]  # fmt: skip
