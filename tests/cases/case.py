"""`Case`: one way to make and call a layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """One way to make and call a layer. Shapes begin with the batch; a list of shapes means several inputs."""

    layer: str
    arguments: dict[str, Any] = field(default_factory=dict)
    shape: Any = (2, 3)
    integers_below: int = 0  # inputs are integers below it
    random: bool = False  # training draws random numbers
    trains_differently: bool = False  # training and inference differ (without random numbers)
    keras_policies: tuple[str, ...] = (
        "float16",
        "mixed_bfloat16",
    )  # those of the narrow ones that Keras can compute in

    def __str__(self) -> str:
        inside = ",".join(f"{k}={getattr(v, '__name__', v)}" for k, v in self.arguments.items())
        return f"{self.layer}({inside})".replace(" ", "")

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The input shapes as a list."""
        return self.shape if isinstance(self.shape, list) else [self.shape]

    def inputs(self, seed: int = 0) -> Any:
        """Numbers for the layer: an array, or a list of them."""
        rng = np.random.default_rng(seed)
        arrays: list[np.ndarray] = []
        for shape in self.shapes:
            if self.integers_below:
                arrays.append(rng.integers(0, self.integers_below, shape).astype("int32"))
            else:
                arrays.append(rng.normal(size=shape).astype("float32"))
        return arrays if isinstance(self.shape, list) else arrays[0]

    def make(self, module: Any, **common: Any) -> Any:
        """The layer of `module` (``keras.layers`` or ``ranvier.layers``)."""
        return getattr(module, self.layer)(**self.arguments, **common)
