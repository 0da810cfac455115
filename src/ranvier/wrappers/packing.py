"""Models inside pickles of estimators: as the bytes of their ``.keras`` file, so that no object of a model is pickled."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ..models import Model, load_model
from ..models.cloning import custom_objects_of

__all__ = ["Packed", "pack"]


class Packed:
    """A model as data, with the classes and functions of the user's that its configuration names.

    Args:
        content: a ``.keras`` file.
        custom_objects: those classes and functions by name; they are pickled by reference, as all code is.
    """

    def __init__(self, content: bytes, custom_objects: dict[str, Any]):
        self.content = content
        self.custom_objects = custom_objects

    def unpack(self) -> Any:
        """The model, with weights and optimizer state."""
        with tempfile.TemporaryDirectory(prefix="ranvier-") as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(self.content)
            return load_model(path, custom_objects=self.custom_objects)


def pack(value: Any) -> Any:
    """`value`, if it is a model as a `Packed`."""
    if not isinstance(value, Model):
        return value
    with tempfile.TemporaryDirectory(prefix="ranvier-") as folder:
        path = Path(folder) / "model.keras"
        value.save(path)
        return Packed(path.read_bytes(), custom_objects_of(value))
