"""The spelling of objects before Keras 3: a class's name and its configuration, resolved in tables that the caller gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import serialization
from .errors import ArgumentError, SerializationError

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """``{"class_name": …, "config": …}`` of an object, the name of a function, None of None.

    Raises:
        SerializationError: nothing describes it.
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        name = serialization.get_registered_name(type(instance))
        return {"class_name": name, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return serialization.get_registered_name(instance)
    raise SerializationError(f"{instance!r} has no get_config(), so nothing can describe it in a config.")


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object that `serialize_keras_object` described.

    Args:
        identifier: a config, a name, a class or function, or None.
        module_objects: classes and functions by name.
        custom_objects: more of them, which come first.
        printable_module_name: what messages call the object.

    Raises:
        ArgumentError: something that describes nothing.
        SerializationError: an unknown name.
    """
    if identifier is None:
        return None
    tables = {**(module_objects or {}), **(custom_objects or {})}
    if isinstance(identifier, str):
        found = serialization.get_registered_object(identifier, tables)
        if found is None:
            raise SerializationError(f"Unknown {printable_module_name}: {identifier!r}. Pass it in custom_objects.")
        return found() if isinstance(found, type) else found
    if isinstance(identifier, dict):
        if not {"class_name", "config"} <= set(identifier):
            raise ArgumentError(f"A config must have 'class_name' and 'config'. Received: {identifier!r}")
        found = serialization.get_registered_object(identifier["class_name"], tables)
        if found is None:
            return serialization.deserialize({"registered_name": None, **identifier}, tables)
        with serialization.custom_object_scope(custom_objects or {}):
            config = identifier["config"]
            return found.from_config(dict(config)) if hasattr(found, "from_config") else found(**config)
    if callable(identifier) and hasattr(identifier, "__name__") and hasattr(identifier, "__module__"):
        return identifier
    raise ArgumentError(f"{printable_module_name} must be a config, a name or a function. Received: {identifier!r}")
