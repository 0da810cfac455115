"""Weights in the older HDF5 layout: a group for each layer, in the layers' order, listed in attributes.

The files of the models trained on ImageNet are laid out so. A file is data: what it names is looked up in the file
only, links out of it are refused, and nothing is read before its shape is known to fit.
"""

from __future__ import annotations

import os
from typing import Any

from ..core.errors import SerializationError, ShapeError
from ..core.variables import Variable
from ..layers.base import Layer

__all__ = ["load_layered_weights"]


def load_layered_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Read a model's weights from a ``.h5`` file whose layers follow one another as the model's do.

    Either all weights are read or none: the file is compared with the model before the first is assigned.

    Args:
        model: a built model.
        path: the file.

    Raises:
        SerializationError: a file of another layout, or with other layers.
        ShapeError: weights of another shape.
    """
    import h5py

    shown = os.path.basename(os.fspath(path))
    with h5py.File(path, "r") as file:
        root = file
        if "layer_names" not in file.attrs and "layer_names0" not in file.attrs and "model_weights" in file:
            root = _inside(file, "model_weights", shown)
        if "layer_names" not in root.attrs and "layer_names0" not in root.attrs:
            raise SerializationError(f"{shown!r} has no list of layers, so it holds no weights in the older layout.")
        stored = []
        for name in _names(root, "layer_names", shown):
            group = _inside(root, name, shown)
            weights = _names(group, "weight_names", shown)
            if weights:
                stored.append((name, [_inside(group, weight, shown) for weight in weights]))
        layers = [(layer, variables) for layer in model.layers if (variables := _variables(layer))]
        if len(stored) != len(layers):
            raise SerializationError(
                f"Model '{model.name}' has {len(layers)} layers with weights, the file {shown!r} has {len(stored)}."
            )
        pairs = []
        for (layer, variables), (name, datasets) in zip(layers, stored, strict=True):
            if len(variables) != len(datasets):
                raise SerializationError(
                    f"Layer '{layer.name}' has {len(variables)} weights, '{name}' in the file {shown!r} has {len(datasets)}."
                )
            pairs += [(variable, dataset) for variable, dataset in zip(variables, datasets, strict=True)]
        for variable, dataset in pairs:
            _check(variable, dataset, shown)
        for variable, dataset in pairs:
            variable.assign(dataset[()])


def _variables(layer: Layer) -> list[Variable]:
    """A layer's weights as the layout orders them: the trainable ones of all layers inside, then the others."""
    trainable = {id(v) for v in layer.trainable_weights}
    return sorted(layer.weights, key=lambda v: id(v) not in trainable)


def _names(group: Any, attribute: str, shown: str) -> list[str]:
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


def _inside(group: Any, name: str, shown: str) -> Any:
    """The member called `name`, reached without leaving the file."""
    import h5py

    for part in name.split("/"):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) and part else None
        if link is None:
            raise SerializationError(f"{shown!r} lists {name!r}, which it does not hold.")
        if not isinstance(link, h5py.HardLink):
            raise SerializationError(f"{shown!r} holds a link at {name!r}; links are not followed.")
        group = group[part]
    return group


def _check(variable: Variable, dataset: Any, shown: str) -> None:
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise SerializationError(f"{shown!r}: weight '{variable.path}' is not stored in the file itself.")
    if dataset.dtype.kind not in "fiub":
        raise SerializationError(f"{shown!r}: weight '{variable.path}' is no array of numbers but of {dataset.dtype}.")
    if tuple(dataset.shape) != tuple(variable.shape):
        raise ShapeError(
            f"Weight '{variable.path}' has shape {tuple(variable.shape)}, the file {shown!r} has {tuple(dataset.shape)}."
        )
