"""Helpers around models and data, under the names that Keras users know from `keras.utils`."""

from ..backend import clear_session, is_keras_tensor
from ..core.dtypes import standardize_dtype
from ..core.random import set_random_seed
from ..core.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from ..core.serialization import serialize as serialize_keras_object
from ..data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from ..data.py_dataset import PyDataset, Sequence
from ..inspect.dot import model_to_dot
from ..inspect.plot_model import plot_model
from ..models.feature_space import FeatureSpace
from ..tools.config import Config
from ..tools.downloads import get_file
from ..tools.folder_datasets import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from ..tools.graph_inputs import get_source_inputs
from ..tools.images import array_to_img, img_to_array, load_img, save_img
from ..tools.interactive import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from ..tools.numerical import normalize, to_categorical
from ..tools.progbar import Progbar
from ..tools.sequences import pad_sequences
from ..tools.splitting import split_dataset
from ..tools.time_series import timeseries_dataset_from_array
from . import bounding_boxes, legacy

__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "legacy",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
