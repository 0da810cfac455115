"""Integers that an embedding has no vector for: found once, before they train a model on NaN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.trees import ordered_keys
from ..layers.embedding import Embedding
from ..ops import symbolic

__all__ = ["check_integers"]


def check_integers(model: Any, x: Any, what: str = "x") -> None:
    """Refuse integers outside the tables of the embeddings that the inputs go to directly.

    Args:
        model: a built model; those without a graph show nothing.
        x: the inputs of all samples; only NumPy arrays are looked at.
        what: what messages call them.

    Raises:
        DataError: naming the layer, the place and the integer.
    """
    for place, layer in _fed(model):
        struct = model._inputs_struct
        keyed = isinstance(struct, dict) and len(struct) == len(model.inputs)
        name = ordered_keys(struct)[place] if keyed else model.inputs[place]._keras_history.operation.name
        if isinstance(x, dict):
            array, called = x.get(name), f"{what}[{name!r}]"
        else:
            arrays = symbolic.flatten(x)
            array, called = (arrays[place] if place < len(arrays) else None), what
            called = f"{what}[{place}]" if len(arrays) > 1 else what
        if isinstance(array, np.ndarray) and array.dtype.kind in "iuf":
            layer.check_integers(array, called)


def _fed(model: Any) -> Iterator[tuple[int, Embedding]]:
    """Embeddings that take an input of the model as it is, each with the input's place."""
    if getattr(model, "graph", None) is None:
        return
    places = {id(t): i for i, t in enumerate(model.inputs)}
    for layer in model.layers:
        if isinstance(layer, Embedding):
            for node in layer._inbound_nodes:
                if node.input_tensors and id(node.input_tensors[0]) in places:
                    yield places[id(node.input_tensors[0])], layer
