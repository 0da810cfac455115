"""`keras` as older programs know it: ranvier's public API, with the names that only ``tf.keras`` and Keras 2 have.

It can also be used without any hook:

>>> from ranvier.compat import keras
>>> keras.layers.Dense(2).units, keras.backend.backend()
(2, 'jax')
"""

from pathlib import Path
from typing import Any

from .modules import keras_face

__all__ = ["keras_face"]


def __getattr__(name: str) -> Any:
    if (Path(__file__).parent / f"{name}.py").exists():  # a file of ours that is about to be imported
        raise AttributeError(name)
    return getattr(keras_face(""), name)


def __dir__() -> list[str]:
    return dir(keras_face(""))
