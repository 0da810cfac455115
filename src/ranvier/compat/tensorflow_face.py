"""The faces named ``tensorflow…``: the package `ranvier.compat.tensorflow`, with ``tf.keras`` in its place."""

from __future__ import annotations

import functools
import types
from typing import Any

from .faces import Face, face

__all__ = ["tensorflow_face"]


@functools.cache
def tensorflow_face(path: str) -> Any:
    """The module ``tensorflow`` or ``tensorflow.<path>``.

    Raises:
        ModuleNotFoundError: there is no such module; the message names the nearest way.
    """
    name = f"tensorflow.{path}" if path else "tensorflow"
    found: Any = _package()
    for part in path.split(".") if path else []:
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise ModuleNotFoundError(f"No module named {name!r} in ranvier. {error}", name=name) from None
    if not isinstance(found, types.ModuleType):
        return found

    def look_up(attribute: str) -> Any:
        if not path and attribute == "keras":
            return face("tensorflow.keras")
        value = getattr(found, attribute)
        return tensorflow_face(f"{path}.{attribute}".lstrip(".")) if isinstance(value, types.ModuleType) else value

    return Face(name, look_up, lambda: list(getattr(found, "__all__", dir(found))), found.__doc__)


def _package() -> Any:
    from . import tensorflow

    tensorflow.tensors.install()
    return tensorflow
