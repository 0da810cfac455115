"""Weights in the older HDF5 layout: a group for each layer, in the layers' order, listed in attributes.

The files of the models trained on ImageNet are laid out so. A file is data: what it names is looked up in the file
only, links out of it are refused, and nothing is read before its shape is known to fit.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from ..core.errors import SerializationError
from ..core.variables import Variable
from ..layers.base import Layer
from .hdf5 import checked, member, opened
from .transfer import LoadReport, Stored, Wanted, load

__all__ = ["layered", "legacy_layers", "legacy_variables", "load_layered_weights", "matched", "names_in"]

_OWN = "top_level_model_weights"


def load_layered_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Read a model's weights from a ``.h5`` file whose layers follow one another as the model's do.

    Args:
        model: a built model.
        path: the file.

    Raises:
        SerializationError: a file of another layout, or with other layers.
        ShapeError: weights of another shape.
    """
    with layered(os.fspath(path), model, by_name=False) as (wanted, stored):
        load(wanted, stored, LoadReport(model.name, os.path.basename(path)))


@contextlib.contextmanager
def layered(path: str, model: Any, by_name: bool) -> Iterator[tuple[list[Wanted], list[Stored]]]:
    """What a model's layers need and what a ``.h5`` file holds for them, paired by order or to be paired by name."""
    shown = os.path.basename(path)
    with opened(path, shown) as file:
        root = file
        if not _lists(file, "layer_names") and "model_weights" in file:
            root = member(file, "model_weights")
        yield matched(root, model, by_name, shown)


def matched(root: Any, model: Any, by_name: bool, shown: str) -> tuple[list[Wanted], list[Stored]]:
    """What a model's layers need and what a group of layers holds.

    Raises:
        SerializationError: it is no such group, or its layers are not as many as the model's.
    """
    if not _lists(root, "layer_names"):
        raise SerializationError(f"{shown!r} has no list of layers, so it holds no weights in the older layout.")
    stored = []
    for name in names_in(root, "layer_names", shown):
        group = member(root, name)
        arrays = {weight: checked(member(group, weight)) for weight in names_in(group, "weight_names", shown)}
        if arrays:
            stored.append(Stored(name, (model.name, name), arrays))
    layers = [(layer, variables) for layer in legacy_layers(model) if (variables := legacy_variables(layer))]
    if not by_name and len(stored) != len(layers):
        raise SerializationError(
            f"Model '{model.name}' has {len(layers)} layers with weights, the file {shown!r} has {len(stored)}. "
            "Pass by_name=True to load the layers whose names agree."
        )
    wanted = [
        Wanted(layer.name if by_name else stored[i].place, (model.name, layer.name), layer, variables)
        for i, (layer, variables) in enumerate(layers)
    ]
    own = model._own_variables()
    if own and _OWN in root:
        group = member(root, _OWN)
        arrays = {weight: checked(member(group, weight)) for weight in names_in(group, "weight_names", shown)}
        stored.append(Stored(_OWN, (model.name, _OWN), arrays))
        wanted.append(Wanted(_OWN, (model.name, _OWN), model, own))
    return wanted, stored


def legacy_layers(model: Any) -> list[Any]:
    """The layers in whose order the layout holds weights."""
    return model._layers_in_order() or [model]


def legacy_variables(layer: Layer) -> list[Variable]:
    """A layer's weights as the layout orders them: the trainable ones of all layers inside, then the others."""
    trainable = {id(v) for v in layer.trainable_weights}
    return sorted(layer.weights, key=lambda v: id(v) not in trainable)


def _lists(group: Any, attribute: str) -> bool:
    return attribute in group.attrs or f"{attribute}0" in group.attrs


def names_in(group: Any, attribute: str, shown: str) -> list[str]:
    """The names in an attribute, or in its numbered pieces where it was too long for one."""
    values: list[Any] = []
    if attribute in group.attrs:
        values = list(group.attrs[attribute])
    else:
        piece = 0
        while f"{attribute}{piece}" in group.attrs:
            values += list(group.attrs[f"{attribute}{piece}"])
            piece += 1
    try:
        return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values]
    except UnicodeDecodeError as error:
        raise SerializationError(f"{shown!r} has a name that is no text.") from error
