"""Models from texts: a configuration in JSON, kept to the same limits as one in a file."""

from __future__ import annotations

import io
from typing import Any

from ..core import serialization
from ..core.budgets import budget
from ..core.errors import ArgumentTypeError, SerializationError
from ..core.machine import total_memory
from ..layers.base import Layer
from .limits import refusing
from .sources import Source
from .strict_json import read_json

__all__ = ["model_from_json"]

_SHOWN = "json_string"


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """The model, with fresh weights, that ``model.to_json()`` described.

    A text is data like a file: bounded in size and depth, every key once, nothing but finite numbers of at most 64 bits,
    and no model that is larger than this machine's memory, which is found out before any of it is taken.

    Args:
        json_string: the text.
        custom_objects: further classes and functions, by name.

    Raises:
        SerializationError: it is no such text, or describes what nobody knows or no machine could hold.
        ArgumentTypeError: it is no text.
    """
    if not isinstance(json_string, (str, bytes, bytearray)):
        raise ArgumentTypeError(f"json_string must be a text. Received: {type(json_string).__name__}")
    try:
        text = json_string.encode("utf-8") if isinstance(json_string, str) else bytes(json_string)
    except UnicodeEncodeError:
        raise SerializationError("json_string is refused: it holds half of a character") from None
    try:
        with refusing(_SHOWN, None):
            described = read_json(text, Source(io.BytesIO(text), _SHOWN))
            if not isinstance(described, dict) or not {"class_name", "config"} <= described.keys():
                raise SerializationError("json_string describes no model: it has no 'class_name' and 'config'.")
            with budget(total_memory(), 10_000 + len(text) // 4):
                model = serialization.deserialize(described, custom_objects)
            if not isinstance(model, Layer):
                raise SerializationError("json_string describes no model and no layer.")
    except SerializationError as error:
        raise SerializationError(str(error).replace("The file 'json_string'", "json_string")) from None
    for variable in model.variables:
        variable.stored_value()  # until now they took no memory; after an error they never do
    return model
