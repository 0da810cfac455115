"""`keras.saving`: configs of objects, and the registry of custom ones."""

from .core.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .core.serialization import serialize as serialize_keras_object
from .files.editor import KerasFileEditor
from .files.transfer import LoadReport
from .files.weights import load_weights, save_weights
from .models import load_model, save_model

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "LoadReport",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]  # fmt: skip
