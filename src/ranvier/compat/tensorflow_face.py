"""The faces named ``tensorflow…``: the package `ranvier.compat.tensorflow`, with ``tf.keras`` in its place."""

from __future__ import annotations

import functools
import types
from pathlib import Path
from typing import Any

from .faces import Face, face

__all__ = ["load", "tensorflow_face"]

_FILE = str(Path(__file__).with_name("tensorflow") / "__init__.py")  # named before it is loaded


@functools.cache
def tensorflow_face(path: str) -> Any:
    """The module ``tensorflow`` or ``tensorflow.<path>``.

    Raises:
        ModuleNotFoundError: there is no such module; the message names the nearest way.
    """
    if not path:
        names = lambda: list(load().__all__)  # noqa: E731
        return Face("tensorflow", _look_up_at_top, names, "TensorFlow's API on ranvier.", _FILE)
    found, name = load(), f"tensorflow.{path}"
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise ModuleNotFoundError(f"No module named {name!r} in ranvier. {error}", name=name) from None
    if not isinstance(found, types.ModuleType):
        return found
    names = lambda: list(getattr(found, "__all__", dir(found)))  # noqa: E731
    file = getattr(found, "__file__", None) or _FILE
    return Face(name, lambda attribute: _inside(found, path, attribute), names, found.__doc__, str(file))


def _look_up_at_top(attribute: str) -> Any:
    if attribute in ("initializers", "losses", "metrics", "optimizers"):
        return face(f"tensorflow.keras.{attribute}")
    return face("tensorflow.keras") if attribute == "keras" else _inside(load(), "", attribute)


def _inside(found: Any, path: str, attribute: str) -> Any:
    value = getattr(found, attribute)
    return tensorflow_face(f"{path}.{attribute}".lstrip(".")) if isinstance(value, types.ModuleType) else value


def load() -> Any:
    """The package, with arrays that are tensors from now on."""
    from . import tensorflow

    tensorflow.tensors.install()
    return tensorflow
