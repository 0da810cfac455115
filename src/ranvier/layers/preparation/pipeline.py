"""Layers one after the other as a single layer."""

from __future__ import annotations

from typing import Any

from ...core import serialization
from ...core.errors import ArgumentTypeError
from ..base import Layer
from ..signatures import call_parameters
from .host import DatasetLayer

__all__ = ["Pipeline"]


class Pipeline(DatasetLayer):
    """Applies layers one after the other, as a preprocessing that is passed around as one layer.

    Args:
        layers: the layers.
        name: the layer's name.

    >>> import numpy as np
    >>> from ranvier import layers
    >>> Pipeline([layers.Rescaling(2.0), layers.CategoryEncoding(4)])(np.array([[1]])).tolist()
    [[0.0, 0.0, 1.0, 0.0]]
    """

    def __init__(self, layers: Any, name: str | None = None):
        super().__init__(name=name)
        if not isinstance(layers, (list, tuple)) or not all(isinstance(layer, Layer) for layer in layers):
            raise ArgumentTypeError(f"Pipeline takes a list of layers. Received: layers={layers!r}")
        self._chain = list(layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers."""
        return self._chain

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        """What the last layer gives."""
        for layer in self._chain:
            takes = call_parameters(type(layer)).names
            options = {"training": training, "mask": mask if layer is self._chain[0] else None}
            inputs = layer(inputs, **{k: v for k, v in options.items() if k in takes and v is not None})
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The layers and the name."""
        return {"layers": [serialization.serialize(layer) for layer in self._chain], "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The pipeline that `get_config` described."""
        layers = [serialization.deserialize(layer, only=Layer) for layer in config["layers"]]
        return cls(layers, name=config.get("name"))
