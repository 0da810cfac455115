"""`keras.legacy.saving`: configs in the spelling from before Keras 3."""

from ..core.legacy_serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]
