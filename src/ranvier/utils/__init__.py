"""Helpers around models and data, under the names that Keras users know from `keras.utils`."""

from ..core.dtypes import standardize_dtype
from ..core.random import set_random_seed
from ..core.serialization import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from ..data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from ..data.py_dataset import PyDataset, Sequence
from ..tools.config import Config
from ..tools.downloads import get_file
from ..tools.interactive import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from ..tools.numerical import normalize, to_categorical
from ..tools.progbar import Progbar
from ..tools.sequences import pad_sequences

__all__ = [
    "Config",
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
