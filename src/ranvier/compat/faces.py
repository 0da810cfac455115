"""Faces: modules named ``keras…`` and ``tensorflow…`` that show what ranvier has, and say what it has not.

A face has no code. It looks a name up in ranvier's own public module, then in what `compat` adds for older programs.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from ..core import sharing

__all__ = ["KERAS_VERSION", "Face", "face"]

#: The version of Keras whose public API ranvier has; what version checks of scripts see.
KERAS_VERSION = "3.15.0"

#: Names at which a tree of faces begins: the name people import, with the tree that it shows.
_ROOTS = {"keras": "keras", "tf_keras": "keras", "tensorflow": "tensorflow"}
#: Where, below ``tensorflow``, Keras is.
_KERAS_INSIDE = ("keras", "python.keras", "_api.v2.keras", "compat.v2.keras", "compat.v1.keras")


class Face(types.ModuleType):
    """A module that looks its names up elsewhere, when they are first asked for.

    Args:
        name: its name, such as ``"keras.layers"``.
        look_up: gives the value for a public name, or raises AttributeError with what there is instead.
        names: gives the public names.
        doc: its documentation.
        file: the file of the module that it shows, which programs print to see what they run on.
    """

    def __init__(
        self, name: str, look_up: Callable[[str], Any], names: Callable[[], list[str]], doc: str | None, file: str
    ):
        super().__init__(name, doc)
        self.__dict__.update(_look_up=look_up, _names=names, __path__=[], __file__=file)

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return self._names()
        if name.startswith("_") and name != "__version__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = self._look_up(name)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*self._names(), *(name for name in self.__dict__ if not name.startswith("_"))})

    def __repr__(self) -> str:
        return f"<module {self.__name__!r} of ranvier>"


def face(name: str) -> Any:
    """The module that a program gets for ``import name``.

    Args:
        name: a dotted name that begins with ``keras``, ``tf_keras`` or ``tensorflow``.

    Raises:
        ModuleNotFoundError: there is no such module; the message names the nearest way.

    >>> face("keras.layers").Dense.__name__, face("tensorflow.keras.layers") is face("keras.layers")
    ('Dense', True)
    """
    root, _, path = name.partition(".")
    tree = _ROOTS[root]
    if tree == "tensorflow":
        sharing.want()  # now, and not in the middle of a program that is being traced
        for inside in _KERAS_INSIDE:
            if path == inside or path.startswith(inside + "."):
                tree, path = "keras", path[len(inside) + 1 :]
                break
    if tree == "keras":
        from .keras.modules import keras_face

        return keras_face(path)
    from .tensorflow_face import tensorflow_face

    return tensorflow_face(path)
